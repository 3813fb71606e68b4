package schedule

import "time"

// changeReach is the distance within which a clock change can matter to a time on the
// calendar: no zone has moved its clocks by more than this but to cross the date line.
const changeReach = 24 * time.Hour

// wallOf returns what the clock on the wall shows at the instant, written as UTC.
func wallOf(at time.Time, loc *time.Location) time.Time {
	_, offset := at.In(loc).Zone()
	return at.UTC().Add(time.Duration(offset) * time.Second)
}

// earliestWall returns a time on the calendar from which every slot after the instant
// is still ahead. Just after the clocks went back that is before what they show.
func (s Spec) earliestWall(after time.Time) time.Time {
	const lookBack = 3 * time.Hour
	_, now := after.In(s.loc).Zone()
	_, before := after.Add(-lookBack).In(s.loc).Zone()
	_, later := after.Add(lookBack).In(s.loc).Zone()
	offset := min(now, before, later)
	return after.UTC().Add(time.Duration(offset) * time.Second)
}

// occurrences returns the instants at which the clock shows wall, or rather those at
// which the schedule counts it:
//
//	             named hour             every hour
//	once         that instant           that instant
//	twice        the first              both
//	never        the end of the gap     none
//
// Instants are UTC; one that is not there is zero.
func (s Spec) occurrences(wall time.Time) (first, second time.Time) {
	_, before := wall.Add(-changeReach).In(s.loc).Zone()
	_, after := wall.Add(changeReach).In(s.loc).Zone()
	early := wall.Add(-time.Duration(max(before, after)) * time.Second)
	late := wall.Add(-time.Duration(min(before, after)) * time.Second)

	early, earlyOK := early, wallOf(early, s.loc).Equal(wall)
	late, lateOK := late, wallOf(late, s.loc).Equal(wall)
	switch {
	case earlyOK && lateOK && !early.Equal(late):
		if s.hourly {
			return early, late
		}
		return early, time.Time{}
	case earlyOK:
		return early, time.Time{}
	case lateOK:
		return late, time.Time{}
	case s.hourly:
		return time.Time{}, time.Time{}
	default:
		return gapEnd(early, late, s.loc), time.Time{}
	}
}

// gapEnd returns the instant between lo and hi from which the zone's offset is the
// later one: the first moment after the clocks have gone forward.
func gapEnd(lo, hi time.Time, loc *time.Location) time.Time {
	_, target := hi.In(loc).Zone()
	for hi.Sub(lo) > time.Second {
		mid := lo.Add(hi.Sub(lo) / 2).Truncate(time.Second)
		if _, offset := mid.In(loc).Zone(); offset == target {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}
