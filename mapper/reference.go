package mapper

import (
	"fmt"
	"strings"
)

// Reference is the page docs/rules.md: all variables and functions, with examples.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, v := range Variables() {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", v.Name, v.Doc)
		if len(v.Fields) == 0 {
			continue
		}
		b.WriteString("\n| field | type | what it is |\n|---|---|---|\n")
		for _, f := range v.Fields {
			fmt.Fprintf(&b, "| `%s.%s` | %s | %s |\n", v.Name, f.Name, f.Type, f.Doc)
		}
	}
	b.WriteString("\n## Functions of simscim\n")
	writeFunctions(&b, ownFunctions())
	b.WriteString("\n## Functions of CEL\n\nThe ones that rules need most; the operators are `+ - * / %`, `== != < <= > >=`, `&& || !`, `in` and `condition ? a : b`.\n")
	writeFunctions(&b, libraryFunctions())
	return b.String()
}

func writeFunctions(b *strings.Builder, functions []Function) {
	for _, f := range functions {
		fmt.Fprintf(b, "\n### %s\n\n", f.Name)
		for _, s := range f.Signatures {
			fmt.Fprintf(b, "    %s\n", s)
		}
		fmt.Fprintf(b, "\n%s\n\n| rule | yields |\n|---|---|\n", f.Doc)
		for _, e := range f.Examples {
			fmt.Fprintf(b, "| `%s` | `%s` |\n", e.Rule, e.Result)
		}
	}
}

const referenceHead = `# Rules

<!-- Made from mapper/functions.go, library.go and vars.go: go test ./mapper -run Reference -update -->

Rules say who gets an account, with which attributes, and which groups there are. They
are expressions in the [Common Expression Language](https://cel.dev), checked for names
and types when the configuration is loaded. A field that a school does not keep is
empty, never an error.

    users:
      include: person.kind in ['student', 'staff']
      attributes:
        userName:
          unique:
            - ascii(person.givenName).substring(0, 1) + ascii(person.familyName) + '@' + site.vars.domain
            - clean(person.givenName) + '.' + clean(person.familyName) + '@' + site.vars.domain
        name.givenName: person.preferredGivenName
        name.familyName: person.preferredFamilyName
        emails[type eq "work"].value: userName
        title: {value: person.yearGroup, default: "'Staff'"}
    groups:
      - {from: class, displayName: "site.vars.prefix + ' ' + group.name"}
      - {derive: all-students, include: person.kind == 'student', displayName: "site.vars.prefix + ' Students'"}
      - {derive: cohort, by: twoDigits(person.entryYear), displayName: "site.vars.prefix + ' Intake ' + value"}

What a rule yields is trimmed; an empty text, list or map means that the attribute has no
value. A rule that fails for one person is reported, that account is left as it is, and the
others go on.

## User names

The rules under unique are tried in order. What each yields is spelled in ASCII and lower
case; letters, digits and . - _ ' stay, one @ may stand in it, everything else falls away. A
rule that fails for a person, or leaves nothing, is passed over. When all names are taken, the
last one is tried with 2, 3, 4 and so on before the @, and in the end a code made from the
person's key. A name once issued stays. A single value in place of unique gives that one name
only; with apply: always beside it the account is renamed when the value changes.

## Groups

A group of the school (from) exists whether or not anybody is in it; the first rule whose
include holds decides about it. A derived group exists while somebody is in it, or always with
keepEmpty. by makes one group for each value, or for each text of a list. Everybody in scope
counts, with all of their records.

A failed rule freezes the groups that it bears on: they keep their members until it is mended.

## One person, several records

Records with the same key are one account: a member of staff who is also a parent at the school.
The attributes come from the staff record before the student's before the contact's; all records
count for groups. Two records of the same kind with one key are reported, and only the first by id
is used.

## Variables
`
