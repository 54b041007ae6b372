package credential

import (
	"bytes"
	"strings"
)

// mostRows is how many passwords of one table are told of; more of them are the
// same news.
const mostRows = 20

// statement looks at a statement that sets a password: the literal after it.
func (s *search) statement(at, n int) {
	line := s.b[at+n : min(len(s.b), at+n+160)]
	i := bytes.IndexByte(line, '\'')
	if i < 0 || bytes.ContainsAny(line[:i], ";\"") {
		return
	}
	v, ok := s.literal(at+n+i, at+n+i)
	if !ok {
		return
	}
	if text := string(s.b[v.from:v.to]); hashed(text) || judge(text, classPassword, max(s.level, levelConfig)-1) == "" && kinds(text) > 1 {
		s.add(ruleSQL, "Password in an SQL statement", v.from, v.to)
	}
}

// dump looks at the rows of a database's dump: at those columns whose name says
// that they hold credentials.
func (s *search) dump() {
	tables := map[string][]int{} // columns with credentials, of tables that were created before
	at := 0
	for at < len(s.b) && len(s.hits) < most {
		end := bytes.IndexByte(s.b[at:], '\n')
		if end < 0 {
			end = len(s.b) - at
		}
		line := bytes.TrimSpace(s.b[at : at+end])
		low := bytes.ToLower(line[:min(len(line), 16)])
		switch {
		case bytes.HasPrefix(low, []byte("create table")):
			name, columns := s.table(at)
			tables[name] = columns
		case bytes.HasPrefix(low, []byte("insert into")), bytes.HasPrefix(low, []byte("replace into")):
			s.insert(at, tables)
		case bytes.HasPrefix(low, []byte("copy ")):
			s.copied(at, at+end)
		}
		at += end + 1
	}
}

// table reads the columns of CREATE TABLE, one on a line as dumps have them.
func (s *search) table(at int) (name string, columns []int) {
	open := bytes.IndexByte(s.b[at:min(len(s.b), at+400)], '(')
	if open < 0 {
		return "", nil
	}
	name = tableName(s.b[at : at+open])
	body := s.b[at+open+1 : min(len(s.b), at+open+16<<10)]
	if end := bytes.Index(body, []byte(";")); end >= 0 {
		body = body[:end]
	}
	for i, column := range splitTop(body, 200) {
		word, _, _ := strings.Cut(strings.TrimLeft(strings.TrimSpace(string(column)), "`\"["), " ")
		if secretColumn(word) {
			columns = append(columns, i)
		}
	}
	return name, columns
}

// tableName gives the last word before a parenthesis, without quotes.
func tableName(b []byte) string {
	words := strings.Fields(string(b))
	if len(words) == 0 {
		return ""
	}
	for i, w := range words {
		if strings.EqualFold(w, "into") && i+1 < len(words) {
			return unquote(words[i+1])
		}
	}
	return unquote(words[len(words)-1])
}

func unquote(s string) string {
	return strings.ToLower(strings.NewReplacer("`", "", `"`, "", "[", "", "]", "").Replace(s))
}

func secretColumn(name string) bool {
	c := classify(unquote(strings.TrimSpace(name)))
	return c == classPassword || c == classToken
}

// insert reads the rows of INSERT.
func (s *search) insert(at int, tables map[string][]int) {
	head := s.b[at:min(len(s.b), at+4<<10)]
	values := bytes.Index(bytes.ToLower(head), []byte("values"))
	if values < 0 {
		return
	}
	columns := tables[tableName(head[:values])]
	if open := bytes.IndexByte(head[:values], '('); open >= 0 {
		columns = nil
		for i, column := range splitTop(head[open+1:values], 200) {
			if secretColumn(strings.Trim(string(column), " )")) {
				columns = append(columns, i)
			}
		}
		if len(columns) == 0 {
			columns = tables[tableName(head[:open])]
		}
	}
	if len(columns) == 0 {
		return
	}
	for p, rows := at+values+len("values"), 0; rows < mostRows; rows++ {
		p = skip(s.b, p, " \t\r\n,")
		if p >= len(s.b) || s.b[p] != '(' {
			return
		}
		row := s.b[p+1 : min(len(s.b), p+16<<10)]
		fields := splitTop(row, 200)
		from := p + 1
		for i, f := range fields {
			for _, c := range columns {
				if c == i {
					s.cell(from, f)
				}
			}
			from += len(f) + 1
		}
		p = from
	}
}

// cell notes a quoted value of a row.
func (s *search) cell(from int, f []byte) {
	open := bytes.IndexByte(f, '\'')
	if open < 0 {
		return
	}
	end := bytes.LastIndexByte(f, '\'')
	if end <= open+1 {
		return
	}
	s.stored(from+open+1, from+end)
}

// stored notes what a database keeps of a password.
func (s *search) stored(from, to int) {
	v := string(s.b[from:to])
	switch {
	case hashed(v):
		s.add(ruleHash, "Hash of a password, which can be guessed from it", from, to)
	case judge(v, classPassword, levelOwn) == "":
		s.add(ruleSQL, "Password or token in a database's dump", from, to)
	}
}

// copied reads the rows of PostgreSQL's COPY, with tabs between fields.
func (s *search) copied(at, end int) {
	open, shut := bytes.IndexByte(s.b[at:end], '('), bytes.IndexByte(s.b[at:end], ')')
	if open < 0 || shut < open {
		return
	}
	columns := map[int]bool{}
	for i, name := range strings.Split(string(s.b[at+open+1:at+shut]), ",") {
		columns[i] = secretColumn(name)
	}
	p := end + 1
	for rows := 0; rows < mostRows && p < len(s.b); rows++ {
		stop := bytes.IndexByte(s.b[p:], '\n')
		if stop < 0 {
			stop = len(s.b) - p
		}
		line := s.b[p : p+stop]
		if bytes.HasPrefix(line, []byte(`\.`)) {
			return
		}
		from := p
		for i, f := range bytes.Split(line, []byte("\t")) {
			if columns[i] && string(f) != `\N` {
				s.stored(from, from+len(f))
			}
			from += len(f) + 1
		}
		p += stop + 1
	}
}

// splitTop splits at commas outside of quotes and parentheses, up to the
// parenthesis that closes, into at most so many parts.
func splitTop(b []byte, most int) [][]byte {
	var parts [][]byte
	from, depth := 0, 0
	for i := 0; i < len(b) && len(parts) < most; i++ {
		switch b[i] {
		case '\'':
			for i++; i < len(b) && b[i] != '\''; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '(':
			depth++
		case ')':
			if depth == 0 {
				return append(parts, b[from:i])
			}
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, b[from:i])
				from = i + 1
			}
		}
	}
	return append(parts, b[from:])
}
