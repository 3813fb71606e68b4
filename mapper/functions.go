package mapper

import (
	"crypto/sha256"
	"strconv"
	"strings"
	"time"
	"unicode"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"golang.org/x/text/unicode/norm"

	"simscim/internal/translit"
	"simscim/roster"
)

// Function documents one function that rules may call. docs/rules.md is made from
// these, and a test runs every example.
type Function struct {
	Name string
	// Signatures are the ways to call it, as an administrator reads them.
	Signatures []string
	// Doc is what it does, in a sentence or two.
	Doc string
	// Examples show calls and what they yield.
	Examples []Example
	// overloads bind it; functions of the CEL libraries have none here.
	overloads []cel.FunctionOpt
}

// Example is a rule and what it yields, both as CEL.
type Example struct{ Rule, Result string }

// maxPad is the widest that pad makes a number or a text.
const maxPad = 64

// unknownYear is what yearNumber says of what is not a year group. It lies below all
// of them, so that comparisons such as yearNumber(y) >= 7 are simply false.
const unknownYear = -99

// Functions lists what rules may call besides the operators of CEL, in the order of
// the reference page.
func Functions() []Function {
	return append(ownFunctions(), libraryFunctions()...)
}

func ownFunctions() []Function {
	return []Function{
		{
			Name: "ascii", Signatures: []string{"ascii(string) string"},
			Doc:       "Spells a text in plain ASCII. Case, blanks, hyphens and apostrophes stay; typographic ones become plain. It is empty when nothing can be spelled.",
			Examples:  []Example{{`ascii('Łukasz')`, `'Lukasz'`}, {`ascii('O’Neill')`, `"O'Neill"`}, {`ascii('王小明')`, `'Wang Xiao Ming'`}},
			overloads: overloads(text("ascii", translit.ASCII)),
		}, {
			Name: "clean", Signatures: []string{"clean(string) string"},
			Doc:       "Spells a text for use in a user name: ASCII in lower case with letters, digits, full stops and hyphens; everything else falls away.",
			Examples:  []Example{{`clean('O’Neill')`, `'oneill'`}, {`clean('van der Berg')`, `'vanderberg'`}, {`clean('Smith-Jones')`, `'smith-jones'`}},
			overloads: overloads(text("clean", translit.Clean)),
		}, {
			Name: "slug", Signatures: []string{"slug(string) string"},
			Doc:       "Spells a text for use in an address: as clean, but with one hyphen in place of each run of blanks and signs.",
			Examples:  []Example{{`slug('10A/Ma 1')`, `'10a-ma-1'`}, {`slug('Staff & Governors')`, `'staff-governors'`}},
			overloads: overloads(text("slug", translit.Slug)),
		}, {
			Name: "lower", Signatures: []string{"lower(string) string"},
			Doc:       "Writes a text in lower case, accented letters too.",
			Examples:  []Example{{`lower('ÉLODIE')`, `'élodie'`}},
			overloads: overloads(text("lower", strings.ToLower)),
		}, {
			Name: "upper", Signatures: []string{"upper(string) string"},
			Doc:       "Writes a text in capitals, accented letters too.",
			Examples:  []Example{{`upper('élodie')`, `'ÉLODIE'`}},
			overloads: overloads(text("upper", strings.ToUpper)),
		}, {
			Name: "titleCase", Signatures: []string{"titleCase(string) string"},
			Doc: "Writes a name that is all in capitals or all in lower case as its bearer most likely does. A word that mixes the two stays as it is. " +
				"Mc, O' and D' are followed by a capital; Mac is not (Mackie, Macey). Particles such as van, de and la are in lower case inside a name.",
			Examples: []Example{
				{`titleCase('MCDONALD')`, `'McDonald'`},
				{`titleCase("o'neill")`, `"O'Neill"`},
				{`titleCase("D'ARCY")`, `"D'Arcy"`},
				{`titleCase('SMITH-JONES')`, `'Smith-Jones'`},
				{`titleCase('van der berg')`, `'van der Berg'`},
				{`titleCase('MARIA DE LA CRUZ')`, `'Maria de la Cruz'`},
				{`titleCase('MacLeod')`, `'MacLeod'`},
			},
			overloads: overloads(text("titleCase", titleCase)),
		}, {
			Name: "initials", Signatures: []string{"initials(string) string"},
			Doc:       "Takes the first letter of each word and of each part of a double-barrelled one, in capitals.",
			Examples:  []Example{{`initials('Anna-Maria van Dyke')`, `'AMVD'`}, {`initials('')`, `''`}},
			overloads: overloads(text("initials", initials)),
		}, {
			Name: "left", Signatures: []string{"left(string, int) string"},
			Doc:       "Takes the first letters. A shorter text comes back whole; unlike substring it never fails.",
			Examples:  []Example{{`left('Élodie', 1)`, `'É'`}, {`left('Bo', 5)`, `'Bo'`}, {`left('', 1)`, `''`}},
			overloads: overloads(textInt("left", left)),
		}, {
			Name: "right", Signatures: []string{"right(string, int) string"},
			Doc:       "Takes the last letters. A shorter text comes back whole.",
			Examples:  []Example{{`right('004711', 4)`, `'4711'`}, {`right('7', 4)`, `'7'`}},
			overloads: overloads(textInt("right", right)),
		}, {
			Name: "digits", Signatures: []string{"digits(string) string"},
			Doc:       "Keeps only the digits 0 to 9.",
			Examples:  []Example{{`digits('123/4567')`, `'1234567'`}},
			overloads: overloads(text("digits", digits)),
		}, {
			Name: "letters", Signatures: []string{"letters(string) string"},
			Doc:       "Keeps only the letters, accented ones too.",
			Examples:  []Example{{`letters('D’Arcy 2')`, `'DArcy'`}},
			overloads: overloads(text("letters", letters)),
		}, {
			Name: "pad", Signatures: []string{"pad(int, int) string", "pad(string, int) string"},
			Doc:      "Fills a number or a text with zeros from the left, up to the width given (at most 64).",
			Examples: []Example{{`pad(7, 3)`, `'007'`}, {`pad('12345', 3)`, `'12345'`}},
			overloads: []cel.FunctionOpt{
				cel.Overload("pad_string", []*cel.Type{cel.StringType, cel.IntType}, cel.StringType, cel.BinaryBinding(padText)),
				cel.Overload("pad_int", []*cel.Type{cel.IntType, cel.IntType}, cel.StringType, cel.BinaryBinding(func(n, width ref.Val) ref.Val {
					return padText(types.String(strconv.FormatInt(int64(n.(types.Int)), 10)), width)
				})),
			},
		}, {
			Name: "coalesce", Signatures: []string{"coalesce(string, string, …) string", "coalesce(int, int) int"},
			Doc:      "Takes the first of two to four texts that is not empty, or of two numbers the first that is not 0.",
			Examples: []Example{{`coalesce('', 'b', 'c')`, `'b'`}, {`coalesce('', '')`, `''`}, {`coalesce(0, 2026)`, `2026`}},
			overloads: []cel.FunctionOpt{
				firstText(2), firstText(3), firstText(4),
				cel.Overload("coalesce_int", []*cel.Type{cel.IntType, cel.IntType}, cel.IntType, cel.BinaryBinding(func(a, b ref.Val) ref.Val {
					if a == types.Int(0) {
						return b
					}
					return a
				})),
			},
		}, {
			Name: "shortCode", Signatures: []string{"shortCode(string, int) string"},
			Doc: "Makes a code of 1 to 16 letters and digits from an id: always the same for the same id, and telling nothing about it. " +
				"Letters and digits that are easily confused (0 o, 1 i l) are not used. Good for telling people of one name apart.",
			Examples:  []Example{{`shortCode('6f9a1b2c', 4)`, `'` + shortCode("6f9a1b2c", 4) + `'`}, {`shortCode('', 4)`, `''`}},
			overloads: overloads(textInt("shortCode", shortCode)),
		}, {
			Name: "yearNumber", Signatures: []string{"yearNumber(string) int"},
			Doc:      "Gives the order of a year group: N1 is -2, N2 is -1, R is 0, the others are themselves. Anything else is -99, below them all.",
			Examples: []Example{{`yearNumber('R')`, `0`}, {`yearNumber('11')`, `11`}, {`yearNumber('')`, `-99`}},
			overloads: []cel.FunctionOpt{cel.Overload("yearNumber_string", []*cel.Type{cel.StringType}, cel.IntType, cel.UnaryBinding(func(v ref.Val) ref.Val {
				return types.Int(yearNumber(string(v.(types.String))))
			}))},
		}, {
			Name: "yearAdd", Signatures: []string{"yearAdd(string, int) string"},
			Doc:       "Counts year groups on or back. It is empty before N1, after 14, and for what is not a year group.",
			Examples:  []Example{{`yearAdd('6', 1)`, `'7'`}, {`yearAdd('R', -1)`, `'N2'`}, {`yearAdd('14', 1)`, `''`}},
			overloads: overloads(textInt("yearAdd", yearAdd)),
		}, {
			Name: "entryYear", Signatures: []string{"entryYear(string, int) int"},
			Doc:      "Gives the calendar year in which a cohort entered Reception, from its year group and the academic year; 0 when it is not a year group.",
			Examples: []Example{{`entryYear('7', 2026)`, `2019`}, {`entryYear('', 2026)`, `0`}},
			overloads: []cel.FunctionOpt{cel.Overload("entryYear_string_int", []*cel.Type{cel.StringType, cel.IntType}, cel.IntType, cel.BinaryBinding(func(y, a ref.Val) ref.Val {
				return types.Int(roster.EntryYearOf(string(y.(types.String)), int(a.(types.Int))))
			}))},
		}, {
			Name: "leavingYear", Signatures: []string{"leavingYear(string, int, string) int"},
			Doc:      "Gives the calendar year in whose summer a cohort leaves, from its year group, the academic year and the last year group of the school; 0 when one of them is not a year group.",
			Examples: []Example{{`leavingYear('7', 2026, '11')`, `2031`}, {`leavingYear('6', 2026, '6')`, `2027`}, {`leavingYear('', 2026, '6')`, `0`}},
			overloads: []cel.FunctionOpt{cel.Overload("leavingYear_string_int_string", []*cel.Type{cel.StringType, cel.IntType, cel.StringType}, cel.IntType,
				cel.FunctionBinding(func(args ...ref.Val) ref.Val {
					return types.Int(leavingYear(string(args[0].(types.String)), int64(args[1].(types.Int)), string(args[2].(types.String))))
				}))},
		}, {
			Name: "academicYearOf", Signatures: []string{"academicYearOf(string) int"},
			Doc:      "Gives the calendar year in which the academic year of a day (YYYY-MM-DD) began, with 1 September as its first day; 0 when it is not a date.",
			Examples: []Example{{`academicYearOf('2027-03-01')`, `2026`}, {`academicYearOf('2027-09-01')`, `2027`}, {`academicYearOf('')`, `0`}},
			overloads: []cel.FunctionOpt{cel.Overload("academicYearOf_string", []*cel.Type{cel.StringType}, cel.IntType, cel.UnaryBinding(func(v ref.Val) ref.Val {
				return types.Int(academicYearOf(string(v.(types.String))))
			}))},
		}, {
			Name: "yearName", Signatures: []string{"yearName(int) string"},
			Doc:       "Writes an academic year as people do.",
			Examples:  []Example{{`yearName(2026)`, `'2026/27'`}, {`yearName(1999)`, `'1999/00'`}, {`yearName(0)`, `''`}},
			overloads: overloads(number("yearName", yearName)),
		}, {
			Name: "twoDigits", Signatures: []string{"twoDigits(int) string"},
			Doc:       "Writes the last two digits of a year. It is empty for 0, which stands for an unknown year.",
			Examples:  []Example{{`twoDigits(2019)`, `'19'`}, {`twoDigits(2005)`, `'05'`}, {`twoDigits(0)`, `''`}},
			overloads: overloads(number("twoDigits", twoDigits)),
		},
	}
}

func overloads(opts ...cel.FunctionOpt) []cel.FunctionOpt { return opts }

func text(name string, fn func(string) string) cel.FunctionOpt {
	return cel.Overload(name+"_string", []*cel.Type{cel.StringType}, cel.StringType, cel.UnaryBinding(func(v ref.Val) ref.Val {
		return types.String(fn(string(v.(types.String))))
	}))
}

func textInt(name string, fn func(string, int64) string) cel.FunctionOpt {
	return cel.Overload(name+"_string_int", []*cel.Type{cel.StringType, cel.IntType}, cel.StringType, cel.BinaryBinding(func(s, n ref.Val) ref.Val {
		return types.String(fn(string(s.(types.String)), int64(n.(types.Int))))
	}))
}

func number(name string, fn func(int64) string) cel.FunctionOpt {
	return cel.Overload(name+"_int", []*cel.Type{cel.IntType}, cel.StringType, cel.UnaryBinding(func(n ref.Val) ref.Val {
		return types.String(fn(int64(n.(types.Int))))
	}))
}

func firstText(n int) cel.FunctionOpt {
	args := make([]*cel.Type, n)
	for i := range args {
		args[i] = cel.StringType
	}
	first := func(args ...ref.Val) ref.Val {
		for _, a := range args[:len(args)-1] {
			if a != types.String("") {
				return a
			}
		}
		return args[len(args)-1]
	}
	binding := cel.FunctionBinding(first)
	if n == 2 {
		binding = cel.BinaryBinding(func(a, b ref.Val) ref.Val { return first(a, b) })
	}
	return cel.Overload("coalesce_string_"+strconv.Itoa(n), args, cel.StringType, binding)
}

func padText(s, width ref.Val) ref.Val {
	w := int64(width.(types.Int))
	if w < 0 || w > maxPad {
		return types.WrapErr(ruleError("pad was given a width that is not between 0 and 64"))
	}
	str := string(s.(types.String))
	sign := ""
	if rest, ok := strings.CutPrefix(str, "-"); ok {
		sign, str = "-", rest
	}
	missing := int(w) - len(sign) - len([]rune(str))
	return types.String(sign + strings.Repeat("0", max(missing, 0)) + str)
}

// initials and the like work on NFC, so that an accent goes with its letter.
func initials(s string) string {
	var b strings.Builder
	start := true
	for _, r := range norm.NFC.String(s) {
		switch {
		case unicode.IsSpace(r) || r == '-' || r == '‑':
			start = true
		case start && unicode.IsLetter(r):
			b.WriteRune(unicode.ToUpper(r))
			start = false
		}
	}
	return b.String()
}

func left(s string, n int64) string {
	if n <= 0 {
		return ""
	}
	s = norm.NFC.String(s)
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

func right(s string, n int64) string {
	if n <= 0 {
		return ""
	}
	runes := []rune(norm.NFC.String(s))
	if int64(len(runes)) <= n {
		return string(runes)
	}
	return string(runes[len(runes)-int(n):])
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsMark(r) {
			return r
		}
		return -1
	}, s)
}

// shortCode takes just under 5 bits a character from a hash: two ids get the same 4
// characters once in 900,000 pairs, the same 8 once in 850,000 million.
func shortCode(id string, n int64) string {
	if id == "" || n <= 0 {
		return ""
	}
	const alphabet = "23456789abcdefghjkmnpqrstuvwxyz" + "_"
	sum := sha256.Sum256([]byte(id))
	out := make([]byte, 0, 16)
	// The alphabet has 31 signs: a 32nd is skipped rather than folded, which keeps
	// the others equally likely.
	for _, b := range sum {
		if c := alphabet[b&31]; c != '_' && len(out) < int(min(n, 16)) {
			out = append(out, c)
		}
	}
	return string(out)
}

func yearNumber(s string) int {
	if n, ok := roster.YearNumber(roster.NormaliseYear(s)); ok {
		return n
	}
	return unknownYear
}

func yearAdd(s string, n int64) string {
	y := yearNumber(s)
	if y == unknownYear || n < -20 || n > 20 {
		return ""
	}
	switch y += int(n); {
	case y < -2 || y > 14:
		return ""
	case y < 0:
		return "N" + strconv.Itoa(y+3)
	case y == 0:
		return "R"
	}
	return strconv.Itoa(y)
}

func leavingYear(year string, academicYear int64, last string) int64 {
	y, l := yearNumber(year), yearNumber(last)
	if y == unknownYear || l == unknownYear || academicYear < 1 || academicYear > 9999 {
		return 0
	}
	return academicYear + int64(l-y) + 1
}

func academicYearOf(day string) int {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return 0
	}
	return roster.AcademicYear(t, time.Time{})
}

func yearName(y int64) string {
	if y < 1 || y > 9999 {
		return ""
	}
	return strconv.FormatInt(y, 10) + "/" + lastTwo(y+1)
}

func twoDigits(y int64) string {
	if y < 1 || y > 9999 {
		return ""
	}
	return lastTwo(y)
}

func lastTwo(y int64) string {
	return string([]byte{byte('0' + y/10%10), byte('0' + y%10)})
}
