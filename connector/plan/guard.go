package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Limit is a safeguard on one counter. A nil side is no limit on that side.
type Limit struct {
	Counter Counter
	Percent *float64
	Count   *int
	// PerGroup looks at each group for itself (RemoveMember only).
	PerGroup bool
	// MinSize is how many objects there must be for the percentage to mean anything.
	MinSize int
}

// Breach is a safeguard that the plan breaks.
type Breach struct {
	Counter Counter
	// Sentence says what was planned and what is allowed.
	Sentence string
}

// Check counts the finished plan against the limits, before anything is written. The
// breaches are sorted; one is enough to hold the whole plan.
func Check(p *Plan, state *State, limits []Limit) []Breach {
	counts, sizes := p.Counts(), sizesOf(state)
	var breaches []Breach
	for _, l := range limits {
		if l.PerGroup {
			breaches = append(breaches, l.checkGroups(p, state)...)
		} else if b, broken := l.check(counts, sizes); broken {
			breaches = append(breaches, b)
		}
	}
	return sorted(breaches)
}

// CheckTotal counts the plan, and what was applied at the target lately by whatever
// site, against limits for the target as a whole. A counter that the plan does not add to
// breaks nothing: the plan could not mend it.
func CheckTotal(p *Plan, applied map[Counter]int, target Sizes, limits []Limit) []Breach {
	planned := p.Counts()
	total := maps.Clone(planned)
	for counter, n := range applied {
		total[counter] += n
	}
	var breaches []Breach
	for _, l := range limits {
		if l.count(planned) == 0 {
			continue
		}
		if b, broken := l.check(total, target); broken {
			b.Sentence += " for the whole target within a day"
			breaches = append(breaches, b)
		}
	}
	return sorted(breaches)
}

func sorted(breaches []Breach) []Breach {
	slices.SortStableFunc(breaches, func(x, y Breach) int { return cmp.Compare(x.Counter, y.Counter) })
	return breaches
}

func (l *Limit) check(counts map[Counter]int, sizes Sizes) (b Breach, broken bool) {
	why := l.exceeded(l.count(counts), sizes.of(l.Counter))
	return Breach{l.Counter, fmt.Sprintf("%s: %s", l.Counter, why)}, why != ""
}

// count is what the limit is on: a group that is made anew was deleted as well.
func (l *Limit) count(counts map[Counter]int) int {
	n := counts[l.Counter]
	if l.Counter == Counter(DeleteGroup) {
		n += counts[Counter(ReplaceGroup)]
	}
	return n
}

// checkGroups looks at each group that loses members. Many groups that break the same
// limit make one breach: a roll-over would fill pages otherwise.
func (l *Limit) checkGroups(p *Plan, state *State) []Breach {
	broken, worst, first := 0, "", 0
	for i := range p.Changes {
		c := &p.Changes[i]
		size := 0
		if known := state.Groups[c.Key]; known != nil {
			size = len(known.Members)
		}
		if why := l.exceeded(len(c.Remove), size); why != "" {
			if broken++; len(c.Remove) > first {
				worst, first = why, len(c.Remove)
			}
		}
	}
	switch broken {
	case 0:
		return nil
	case 1:
		return []Breach{{l.Counter, fmt.Sprintf("%s: one group: %s", l.Counter, worst)}}
	default:
		return []Breach{{l.Counter, fmt.Sprintf("%s: %d groups, the worst: %s", l.Counter, broken, worst)}}
	}
}

// exceeded says by how much n of size objects is over the limit, or "".
func (l *Limit) exceeded(n, size int) string {
	switch {
	case l.Count != nil && n > *l.Count:
		return fmt.Sprintf("%d planned, %d allowed", n, *l.Count)
	case l.Percent != nil && size > 0 && size >= l.MinSize && float64(n)*100 > *l.Percent*float64(size):
		return fmt.Sprintf("%d of %d planned (%.1f %%), %g %% allowed", n, size, float64(n)*100/float64(size), *l.Percent)
	default:
		return ""
	}
}

// Sizes is how many objects the percentages are of: active and suspended accounts,
// groups and memberships.
type Sizes struct{ Users, Suspended, Groups, Members int }

func sizesOf(state *State) Sizes {
	var s Sizes
	for known := range maps.Values(state.Users) {
		if known.Status == Suspended {
			s.Suspended++
		} else {
			s.Users++
		}
	}
	for known := range maps.Values(state.Groups) {
		s.Groups++
		s.Members += len(known.Members)
	}
	return s
}

func (s Sizes) of(c Counter) int {
	switch c {
	case AddMember, RemoveMember:
		return s.Members
	case Counter(DeleteUser), Counter(ReactivateUser):
		return s.Users + s.Suspended
	}
	switch Action(c) {
	case AdoptGroup, CreateGroup, UpdateGroup, DeleteGroup:
		return s.Groups
	default:
		return s.Users
	}
}
