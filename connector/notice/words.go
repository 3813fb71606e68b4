package notice

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	// mostShown is how many schools are listed; the rest is a number.
	mostShown = 10
	// longestName and longestReason bound what comes from elsewhere, in letters.
	longestName   = 80
	longestReason = 300
)

// Title is the notice in one line.
func (n Notice) Title() string {
	switch n.Kind {
	case Held:
		return n.of("The plan for %s is held", "The plans for %d schools are held")
	case Failed:
		return n.of("The run for %s failed", "The runs for %d schools failed")
	case Stale:
		return n.of("%s has had no good run for "+span(n.After), "%d schools have had no good run for "+span(n.After))
	case Quarantine:
		return "Target " + n.Target + " is in quarantine"
	case Recovered:
		return "Target " + n.Target + " is out of quarantine"
	default:
		return string(n.Kind)
	}
}

// of puts the school, or their number, and the target into a sentence.
func (n Notice) of(one, many string) string {
	text := fmt.Sprintf(many, len(n.Schools))
	if len(n.Schools) == 1 {
		text = fmt.Sprintf(one, n.Schools[0].label())
	}
	if n.Target != "" {
		text += " at " + n.Target
	}
	return text
}

// Lines say in plain words what happened, where, why, and what to do about it.
func (n Notice) Lines() []string {
	switch n.Kind {
	case Held:
		return append(n.explained("A safeguard stopped this before anything was written. It waits until somebody decides."), n.decide()...)
	case Failed:
		return append(n.explained("The run ended before it could do its work. The next one tries again."),
			"simscim status shows how each school stands; simscim check tries out every connection.")
	case Stale:
		return append(n.explained("Accounts and groups there are as old as the last good run."),
			"simscim status shows how each school stands; simscim check tries out every connection.")
	case Quarantine:
		lines := []string{"It kept failing, so it is left in peace and tried more rarely. No school is changed there meanwhile."}
		if n.Reason != "" {
			lines = append(lines, "Reason: "+cut(n.Reason, longestReason))
		}
		if !n.Next.IsZero() {
			lines = append(lines, "Next try: "+n.clock(n.Next))
		}
		return append(lines, "simscim check says what is wrong with the connection; simscim status shows how each school stands.")
	case Recovered:
		return []string{"It works again. What was left undone is done by the next runs; there is nothing to do."}
	default:
		return nil
	}
}

// decide says how a held plan is looked at, approved and rejected.
func (n Notice) decide() []string {
	id, site := "ID", "SITE"
	if len(n.Schools) == 1 {
		id, site = strconv.FormatInt(n.Schools[0].Hold, 10), n.Schools[0].Site
	}
	return []string{
		"To look: simscim holds, and simscim plan --site " + site,
		"If it is right: simscim approve " + id + " --by NAME --why REASON",
		"If it is not: simscim reject " + id + " --by NAME --why REASON",
	}
}

// explained lists the schools after the intro, and the reason once where it is the same
// for all.
func (n Notice) explained(intro string) []string {
	lines := []string{intro}
	common := n.commonReason()
	if common != "" {
		lines = append(lines, "Reason: "+common)
	}
	for _, s := range n.shown() {
		lines = append(lines, n.line(s, common == ""))
	}
	if more := len(n.Schools) - mostShown; more > 0 {
		lines = append(lines, fmt.Sprintf("… and %d more", more))
	}
	return lines
}

// shown are the schools that are listed.
func (n Notice) shown() []School { return n.Schools[:min(len(n.Schools), mostShown)] }

// commonReason is the reason of all schools, or "" when they differ.
func (n Notice) commonReason() string {
	for _, s := range n.Schools {
		if s.Reason != n.Schools[0].Reason {
			return ""
		}
	}
	return cut(n.Schools[0].Reason, longestReason)
}

func (n Notice) line(s School, why bool) string {
	text := s.label()
	if s.DfE != "" {
		text += " (" + cut(s.DfE, longestName) + ")"
	}
	if s.Hold != 0 {
		text += ", hold " + strconv.FormatInt(s.Hold, 10)
	}
	if !s.LastGood.IsZero() {
		text += ", last good run " + n.clock(s.LastGood)
	}
	if reason := cut(s.Reason, longestReason); why && reason != "" {
		text += ": " + reason
	}
	return text
}

// label is what people call the school.
func (s School) label() string {
	return cmp.Or(cut(s.Name, longestName), cut(s.Site, longestName), "every school")
}

func (n Notice) clock(t time.Time) string {
	return t.In(n.At.Location()).Format("Mon 2 Jan 2006 15:04 MST")
}

// span writes a length of time in hours and, where they are no whole number, minutes.
func span(d time.Duration) string {
	hours, minutes := int(d/time.Hour), int(d%time.Hour/time.Minute)
	text := strconv.Itoa(hours) + " hours"
	if hours == 1 {
		text = "1 hour"
	}
	if minutes > 0 {
		text += " and " + strconv.Itoa(minutes) + " min"
	}
	return text
}

// cut makes one line of s, without what does not print, of at most n letters.
func cut(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r): // controls, and marks that turn the direction of writing
			return -1
		default:
			return r
		}
	}, strings.ToValidUTF8(s, ""))
	s = strings.Join(strings.Fields(s), " ")
	if letters := []rune(s); len(letters) > n {
		return string(letters[:n-1]) + "…"
	}
	return s
}
