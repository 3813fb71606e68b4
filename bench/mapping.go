package main

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"simscim/mapper"
	"simscim/scim"
)

// mapping measures the rules alone, over people who have a user name and over people
// who have none yet.
func mapping(ctx context.Context, b *bench) ([]figure, error) {
	of := large
	of.Groups, of.Places = 1, 0
	var figures []figure
	for _, what := range []string{"mapKnown", "mapNew"} {
		var rates []float64
		for range b.pairs {
			r, err := b.measure(ctx, task{What: what, Roll: of})
			if err != nil {
				return nil, err
			}
			rates = append(rates, r.Rate)
		}
		f := figure{What: "all names issued", Unit: "persons/s", Bound: ">=", Limit: 100_000, Note: "userName and four attributes, on two cores"}
		if what == "mapNew" {
			f.What, f.Note = "first sync", "the same, with new names for everybody"
		}
		f.Value, f.Low, f.High = median(rates)
		figures = append(figures, f)
	}
	return figures, nil
}

// mapTask maps one school again and again for half a second and more.
func mapTask(known bool) func(context.Context, *task) (*result, error) {
	return func(ctx context.Context, t *task) (*result, error) {
		_, routes, err := configure("http://127.0.0.1:1/scim/v2", 1, extras{})
		if err != nil {
			return nil, err
		}
		src := &rollSource{roll: t.Roll, now: time.Now}
		list, err := src.Sites(ctx)
		if err != nil {
			return nil, err
		}
		list[0].Source = sourceName
		route, ok := routes.For(list[0])
		if !ok {
			return nil, errors.New("no entry of the configuration matches the school")
		}
		snap := t.Roll.snapshot(list[0], time.Now())
		names := newNamer()
		people := 0
		route.Mapping.Map(snap, names)
		begun := time.Now()
		for time.Since(begun) < 500*time.Millisecond {
			if !known {
				names = newNamer()
			}
			d := route.Mapping.Map(snap, names)
			if len(d.Users) != len(snap.People) || len(d.Problems) > 0 {
				return nil, errors.New("not everybody was mapped")
			}
			people += len(d.Users)
		}
		return &result{Rate: float64(people) / time.Since(begun).Seconds()}, nil
	}
}

// namer issues names from memory.
type namer struct {
	names map[string]string
	taken map[string]string
}

var _ mapper.Namer = (*namer)(nil)

func newNamer() *namer { return &namer{names: map[string]string{}, taken: map[string]string{}} }

func (n *namer) Expect(keys []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return n.names[key] != "" })
}

func (*namer) Offer([]string) {}

func (n *namer) Name(key string, candidates iter.Seq[string], _ bool) (string, error) {
	if name := n.names[key]; name != "" {
		return name, nil
	}
	for name := range candidates {
		fold := scim.Fold(name)
		if n.taken[fold] == "" {
			n.names[key], n.taken[fold] = name, key
			return name, nil
		}
	}
	return "", errors.New("every name is taken")
}
