package config

import (
	"maps"
	"reflect"
	"strings"
)

// defaultSafeguards are the safeguards that hold where the configuration names none. They
// cannot be tags, and they are here, not where plans are judged, so that they are
// shown and overruled like every other value. A site where an ordinary night goes
// over them is one that somebody should look at: one pupil in twenty suspended, one
// account in fifty deleted, or a group that loses half of its members. The counts
// keep a large school from losing fifty accounts at a stroke unseen. September goes
// over them on purpose: the roll-over is to be read before it is applied. Creations
// and updates have no limit, since they can be undone.
func defaultSafeguards() Safeguards {
	limit := func(percent float64) *Safeguard {
		s := &Safeguard{}
		setDefaults(reflect.ValueOf(s).Elem())
		s.Percent = &percent
		return s
	}
	counted := func(percent float64, count int) *Safeguard {
		s := limit(percent)
		s.Count = &count
		return s
	}
	members := limit(50)
	members.PerGroup = true
	return Safeguards{
		"suspendUsers":  counted(5, 50),
		"deleteUsers":   counted(2, 20),
		"deleteGroups":  counted(20, 200),
		"removeMembers": members,
	}
}

// withDefaultSafeguards adds the defaults of those that are not given.
func withDefaultSafeguards(given Safeguards) Safeguards {
	all := defaultSafeguards()
	maps.Copy(all, given)
	return all
}

// inheritLeavers fills what a site's leavers do not name from the general ones.
func (c *Config) inheritLeavers() {
	for i, s := range c.Sites {
		if s.Leavers == nil {
			continue
		}
		given := func(key string) bool {
			_, ok := c.where[strings.Join([]string{item("sites", i), "leavers", key}, ".")]
			return ok
		}
		if !given("graceSnapshots") {
			s.Leavers.GraceSnapshots = c.Leavers.GraceSnapshots
		}
		if !given("graceHours") {
			s.Leavers.GraceHours = c.Leavers.GraceHours
		}
		if !given("deleteAfterDays") {
			s.Leavers.DeleteAfterDays = c.Leavers.DeleteAfterDays
		}
	}
}
