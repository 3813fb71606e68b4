package main

import (
	"time"

	"simscim/connector"
	"simscim/mapper"
)

// explainedView is one person at one target, for scripts. It holds personal data:
// somebody asked for it.
type explainedView struct {
	Site       string          `json:"site"`
	School     string          `json:"school"`
	Target     string          `json:"target"`
	Person     string          `json:"person"`
	Kind       string          `json:"kind"`
	InScope    bool            `json:"inScope"`
	Key        any             `json:"key"`
	UserName   string          `json:"userName,omitempty"`
	Rules      []traceView     `json:"rules"`
	Attributes []attributeView `json:"attributes"`
	Groups     []groupView     `json:"groups"`
	Problems   []string        `json:"problems,omitempty"`
	Account    *accountView    `json:"account,omitempty"`
	Changes    []changeView    `json:"changes"`
}

type traceView struct {
	Where string `json:"where"`
	At    string `json:"at,omitempty"`
	Rule  string `json:"rule,omitempty"`
	Value any    `json:"value,omitempty"`
	Error string `json:"error,omitempty"`
}

type attributeView struct {
	Path       string    `json:"path"`
	Value      any       `json:"value"`
	Rule       traceView `json:"rule"`
	CreateOnly bool      `json:"createOnly,omitempty"`
}

type groupView struct {
	Key         string `json:"key"`
	DisplayName string `json:"displayName"`
	In          bool   `json:"in"`
	Error       string `json:"error,omitempty"`
}

type accountView struct {
	RemoteID     string    `json:"remoteID"`
	UserName     string    `json:"userName"`
	Status       string    `json:"status"`
	Home         string    `json:"home"`
	MissingSince time.Time `json:"missingSince,omitzero"`
	SuspendedAt  time.Time `json:"suspendedAt,omitzero"`
}

type changeView struct {
	Action string `json:"action"`
	Object string `json:"object"`
	Reason string `json:"reason"`
}

func explainedViews(found []connector.Explained) []explainedView {
	views := make([]explainedView, 0, len(found))
	for i := range found {
		views = append(views, explainedViewOf(&found[i]))
	}
	return views
}

func explainedViewOf(x *connector.Explained) explainedView {
	v := explainedView{
		Site: x.Site.ID, School: x.Site.Name, Target: x.Target, Person: x.Person.ID, Kind: string(x.Person.Kind),
		InScope: x.InScope, Key: x.Key.Value, UserName: x.UserName,
		Rules: []traceView{traceViewOf(x.Include), traceViewOf(x.Key)}, Attributes: []attributeView{}, Groups: []groupView{}, Changes: []changeView{},
	}
	for _, t := range x.Candidates {
		v.Rules = append(v.Rules, traceViewOf(t))
	}
	if x.Password.Rule != "" {
		v.Rules = append(v.Rules, traceViewOf(x.Password))
	}
	for _, a := range x.Attributes {
		v.Attributes = append(v.Attributes, attributeView{Path: string(a.Path), Value: a.Value, Rule: traceViewOf(a.Rule), CreateOnly: a.CreateOnly})
	}
	for _, g := range x.Groups {
		v.Groups = append(v.Groups, groupView{Key: g.Key, DisplayName: g.DisplayName, In: g.In, Error: g.Err})
	}
	for _, p := range x.Problems {
		v.Problems = append(v.Problems, string(p.Path)+" "+p.Reason)
	}
	if k := x.Known; k != nil {
		v.Account = &accountView{
			RemoteID: k.RemoteID, UserName: k.Name, Status: string(k.Status), Home: k.Home,
			MissingSince: k.MissingSince, SuspendedAt: k.SuspendedAt,
		}
	}
	for _, c := range x.Changes {
		v.Changes = append(v.Changes, changeView{Action: string(c.Action), Object: c.Label, Reason: c.Reason})
	}
	for _, s := range x.Skipped {
		v.Changes = append(v.Changes, changeView{Action: "skip", Object: s.Label, Reason: s.Reason})
	}
	return v
}

func traceViewOf(t mapper.Trace) traceView {
	v := traceView{Where: t.Where, Rule: t.Rule, Value: t.Value, Error: t.Err}
	if t.At.Line > 0 {
		v.At = t.At.String()
	}
	return v
}
