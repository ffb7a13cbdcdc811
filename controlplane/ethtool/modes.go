// SPDX-License-Identifier: BSD-3-Clause

package ethtool

// ModeAutoneg and so on are link modes (ETHTOOL_LINK_MODE_*_BIT).
const (
	ModeAutoneg  = 6
	ModeTP       = 7
	ModeFibre    = 10
	ModeFECNone  = 49
	ModeFECRS    = 50
	ModeFECBaseR = 51
	ModeFECLLRS  = 74
)

// Mode is what a link mode means (struct link_mode_info).
type Mode struct {
	Speed  uint32 // Mbit/s; 0: it is no speed
	Lanes  uint32
	Duplex uint8
}

// ModeNames are link_mode_names.
var ModeNames = []string{
	"10baseT/Half", "10baseT/Full", "100baseT/Half", "100baseT/Full", "1000baseT/Half",
	"1000baseT/Full", "Autoneg", "TP", "AUI", "MII", "FIBRE", "BNC", "10000baseT/Full", "Pause",
	"Asym_Pause", "2500baseX/Full", "Backplane", "1000baseKX/Full", "10000baseKX4/Full",
	"10000baseKR/Full", "10000baseR_FEC", "20000baseMLD2/Full", "20000baseKR2/Full",
	"40000baseKR4/Full", "40000baseCR4/Full", "40000baseSR4/Full", "40000baseLR4/Full",
	"56000baseKR4/Full", "56000baseCR4/Full", "56000baseSR4/Full", "56000baseLR4/Full",
	"25000baseCR/Full", "25000baseKR/Full", "25000baseSR/Full", "50000baseCR2/Full",
	"50000baseKR2/Full", "100000baseKR4/Full", "100000baseSR4/Full", "100000baseCR4/Full",
	"100000baseLR4_ER4/Full", "50000baseSR2/Full", "1000baseX/Full", "10000baseCR/Full",
	"10000baseSR/Full", "10000baseLR/Full", "10000baseLRM/Full", "10000baseER/Full",
	"2500baseT/Full", "5000baseT/Full", "None", "RS", "BASER", "50000baseKR/Full",
	"50000baseSR/Full", "50000baseCR/Full", "50000baseLR_ER_FR/Full", "50000baseDR/Full",
	"100000baseKR2/Full", "100000baseSR2/Full", "100000baseCR2/Full", "100000baseLR2_ER2_FR2/Full",
	"100000baseDR2/Full", "200000baseKR4/Full", "200000baseSR4/Full", "200000baseLR4_ER4_FR4/Full",
	"200000baseDR4/Full", "200000baseCR4/Full", "100baseT1/Full", "1000baseT1/Full",
	"400000baseKR8/Full", "400000baseSR8/Full", "400000baseLR8_ER8_FR8/Full", "400000baseDR8/Full",
	"400000baseCR8/Full", "LLRS", "100000baseKR/Full", "100000baseSR/Full",
	"100000baseLR_ER_FR/Full", "100000baseDR/Full", "100000baseCR/Full", "200000baseKR2/Full",
	"200000baseSR2/Full", "200000baseLR2_ER2_FR2/Full", "200000baseDR2/Full", "200000baseCR2/Full",
	"400000baseKR4/Full", "400000baseSR4/Full", "400000baseLR4_ER4_FR4/Full", "400000baseDR4/Full",
	"400000baseCR4/Full", "100baseFX/Half", "100baseFX/Full", "10baseT1L/Full",
}

// Modes are link_mode_params.
var Modes = []Mode{
	{10, 1, 0}, {10, 1, 1}, {100, 1, 0}, {100, 1, 1}, {1000, 1, 0}, {1000, 1, 1}, {}, {}, {}, {},
	{}, {}, {10000, 1, 1}, {}, {}, {2500, 1, 1}, {}, {1000, 1, 1}, {10000, 4, 1}, {10000, 1, 1},
	{10000, 0, 1}, {20000, 2, 1}, {20000, 2, 1}, {40000, 4, 1}, {40000, 4, 1}, {40000, 4, 1},
	{40000, 4, 1}, {56000, 4, 1}, {56000, 4, 1}, {56000, 4, 1}, {56000, 4, 1}, {25000, 1, 1},
	{25000, 1, 1}, {25000, 1, 1}, {50000, 2, 1}, {50000, 2, 1}, {100000, 4, 1}, {100000, 4, 1},
	{100000, 4, 1}, {100000, 4, 1}, {50000, 2, 1}, {1000, 1, 1}, {10000, 1, 1}, {10000, 1, 1},
	{10000, 1, 1}, {10000, 1, 1}, {10000, 1, 1}, {2500, 1, 1}, {5000, 1, 1}, {}, {}, {},
	{50000, 1, 1}, {50000, 1, 1}, {50000, 1, 1}, {50000, 1, 1}, {50000, 1, 1}, {100000, 2, 1},
	{100000, 2, 1}, {100000, 2, 1}, {100000, 2, 1}, {100000, 2, 1}, {200000, 4, 1}, {200000, 4, 1},
	{200000, 4, 1}, {200000, 4, 1}, {200000, 4, 1}, {100, 1, 1}, {1000, 1, 1}, {400000, 8, 1},
	{400000, 8, 1}, {400000, 8, 1}, {400000, 8, 1}, {400000, 8, 1}, {}, {100000, 1, 1},
	{100000, 1, 1}, {100000, 1, 1}, {100000, 1, 1}, {100000, 1, 1}, {200000, 2, 1}, {200000, 2, 1},
	{200000, 2, 1}, {200000, 2, 1}, {200000, 2, 1}, {400000, 4, 1}, {400000, 4, 1}, {400000, 4, 1},
	{400000, 4, 1}, {400000, 4, 1}, {100, 1, 0}, {100, 1, 1}, {10, 1, 1},
}
