module skua

go 1.26
