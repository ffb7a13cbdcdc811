// SPDX-License-Identifier: BSD-3-Clause

package conf

import (
	"fmt"
	"strings"
)

// lineIndex remembers on which line each key and each table of a TOML file stands, for errors
// that are found after parsing. Keys are paths such as link[1].mtu. What it cannot place (keys
// inside an inline table) is placed at the nearest key around it.
type lineIndex map[string]int

func indexLines(text string) lineIndex {
	idx := lineIndex{}
	tables := map[string]int{}
	prefix := ""
	depth := 0  // of brackets of a value that goes over several lines
	quote := "" // the closing mark of a multi-line string that is open
	for n, line := range strings.Split(text, "\n") {
		if quote != "" {
			i := strings.Index(line, quote)
			if i < 0 {
				continue
			}
			line, quote = line[i+3:], ""
			depth, quote = scanValue(line, depth)
			continue
		}
		trimmed := strings.TrimSpace(line)
		if depth > 0 {
			depth, quote = scanValue(trimmed, depth)
			continue
		}
		switch {
		case trimmed == "" || trimmed[0] == '#':
		case strings.HasPrefix(trimmed, "[["):
			name, _, _ := strings.Cut(trimmed[2:], "]]")
			name = normalKey(name)
			prefix = fmt.Sprintf("%s[%d]", name, tables[name])
			tables[name]++
			idx[prefix] = n + 1
		case trimmed[0] == '[':
			name, _, _ := strings.Cut(trimmed[1:], "]")
			prefix = normalKey(name)
			idx[prefix] = n + 1
		default:
			key, value, ok := cutKey(trimmed)
			if !ok {
				continue
			}
			path := key
			if prefix != "" {
				path = prefix + "." + key
			}
			idx[path] = n + 1
			depth, quote = scanValue(value, 0)
		}
	}
	return idx
}

// of finds the line of path, or of the closest path around it; 1 when there is none.
func (idx lineIndex) of(path string) int {
	for path != "" {
		if n, ok := idx[path]; ok {
			return n
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			break
		}
		path = path[:cut]
	}
	return 1
}

// cutKey splits "key = value" outside of the key's quotes.
func cutKey(line string) (key, value string, ok bool) {
	var quote byte
	for i := range len(line) {
		switch c := line[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '=':
			return normalKey(line[:i]), line[i+1:], true
		}
	}
	return "", "", false
}

func normalKey(s string) string {
	parts := strings.Split(s, ".")
	if strings.ContainsAny(s, `"'`) {
		return strings.Trim(strings.TrimSpace(s), `"'`)
	}
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return strings.Join(parts, ".")
}

// scanValue follows brackets and strings through the rest of a line: the depth of brackets that
// stay open, and the closing mark of a multi-line string that stays open.
func scanValue(s string, depth int) (int, string) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '#':
			return depth, ""
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case '"', '\'':
			if mark := strings.Repeat(string(c), 3); strings.HasPrefix(s[i:], mark) {
				end := strings.Index(s[i+3:], mark)
				if end < 0 {
					return depth, mark
				}
				i += 3 + end + 2
				continue
			}
			for i++; i < len(s) && s[i] != c; i++ {
				if c == '"' && s[i] == '\\' {
					i++
				}
			}
		}
	}
	return max(depth, 0), ""
}
