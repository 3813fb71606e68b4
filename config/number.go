package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (d *decoder) whole(v reflect.Value, n *node, path string, f field) {
	i, err := strconv.Atoi(n.text)
	switch {
	case n.kind != number || err != nil:
		d.report(n.at, path, "must be a whole number"+f.bounds())
	case f.enum != nil && !slices.Contains(f.enum, n.text):
		d.report(n.at, path, n.text+" is not allowed; allowed: "+strings.Join(f.enum, ", "))
	case !f.within(float64(i)):
		d.report(n.at, path, n.text+" is out of range"+f.bounds())
	default:
		v.SetInt(int64(i))
	}
}

func (d *decoder) float(v reflect.Value, n *node, path string, f field) {
	x, err := strconv.ParseFloat(n.text, 64)
	switch {
	case !n.scalar() || n.quoted || err != nil || x != x || x > 1e12 || x < -1e12:
		d.report(n.at, path, "must be a number"+f.bounds())
	case !f.within(x):
		d.report(n.at, path, n.text+" is out of range"+f.bounds())
	default:
		v.SetFloat(x)
	}
}

func (d *decoder) duration(p *Duration, n *node, path string, f field) {
	v, err := time.ParseDuration(n.text)
	low, _ := time.ParseDuration(f.min)
	high, errHigh := time.ParseDuration(f.max)
	switch {
	case n.kind != text && n.text != "0" || err != nil:
		d.report(n.at, path, `must be a length of time, such as "30s", "10m" or "1h30m"`)
	case v < low || errHigh == nil && v > high:
		d.report(n.at, path, v.String()+" is out of range"+f.bounds())
	default:
		p.Duration = v
	}
}

// bounds says in words what min and max allow.
func (f field) bounds() string {
	switch {
	case f.min != "" && f.max != "":
		return " (from " + f.min + " to " + f.max + ")"
	case f.min != "":
		return " (at least " + f.min + ")"
	default:
		return ""
	}
}

func (f field) within(x float64) bool {
	low, errLow := strconv.ParseFloat(f.min, 64)
	high, errHigh := strconv.ParseFloat(f.max, 64)
	return (errLow != nil || x >= low) && (errHigh != nil || x <= high)
}
