package generic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"simscim/connector/plan"
	"simscim/scim"
	"simscim/scim/client"
	"simscim/scim/patch"
)

// maxReread is how often an object is read again because somebody else changes it at
// the same moment.
const maxReread = 3

// request sends one piece, by PATCH or, where there is none, by reading, changing and
// replacing the object.
func (j *job) request(ctx context.Context, p piece) error {
	if j.canPatch() {
		return j.patch(ctx, p)
	}
	return j.replace(ctx, p)
}

func (j *job) canPatch() bool { return j.profile.CanPatch(j.change.Kind) }

// patch sends the piece as it is, and again with more knowledge where the server asks
// for it: after 412 or 428 what still differs, with the version that was read, and after
// a 400 about an element that is not there whole elements (RFC 7644 §3.5.2.3).
func (j *job) patch(ctx context.Context, p piece) error {
	fields := fieldsOf(p.set, j.change.After)
	version, err := j.version(ctx)
	if err != nil {
		return err
	}
	for again := 0; ; again++ {
		body, err := json.Marshal(patch.Body(j.operations(fields, p)))
		if err != nil {
			return fmt.Errorf("encode a change: %w", err)
		}
		err = j.sendPatch(ctx, body, version)
		if isPrecondition(err) && version == "" {
			j.target.wantsVersion.Store(true) // every later change would be refused as well
		}
		missing := again == 0 && isBadTarget(err) && slices.ContainsFunc(fields, selects)
		if again >= maxReread || !missing && !isPrecondition(err) {
			return err
		}
		res, readErr := j.client.Get(ctx, j.change.Kind, j.id, j.unread()...)
		if readErr != nil {
			return readErr
		}
		if missing {
			marked := patch.MarkAbsent(fields, res)
			if slices.Equal(absent(marked), absent(fields)) {
				return err // every element is there: the error is about something else
			}
			// What is to be taken away and is not there needs no request.
			fields = slices.DeleteFunc(marked, func(f patch.Field) bool { return f.Absent && f.Value == nil })
		} else {
			version, fields = res.Version(), differing(fields, res)
		}
		if len(fields) == 0 && p.members() == 0 {
			return nil
		}
	}
}

// version is the object's version as it is now, or empty where nobody asks for one.
func (j *job) version(ctx context.Context) (string, error) {
	if !j.target.wantsVersion.Load() || j.first != nil {
		return "", nil
	}
	res, err := j.client.Get(ctx, j.change.Kind, j.id, j.unread()...)
	return res.Version(), err
}

// differing are the fields that the resource does not hold yet.
func differing(fields []patch.Field, res client.Resource) []patch.Field {
	return slices.DeleteFunc(slices.Clone(fields), func(f patch.Field) bool {
		have, _ := scim.Lookup(res, f.Path)
		return scim.SameValue(f.Path, have, f.Value)
	})
}

func (j *job) operations(fields []patch.Field, p piece) []patch.Operation {
	style := j.profile.Style
	ops := patch.Build(fields, style)
	ops = append(ops, patch.AddMembers(ids(p.add), style)...)
	return append(ops, patch.RemoveMembers(ids(p.remove), style)...)
}

// unread is what need not be sent when only attributes matter.
func (j *job) unread() []string {
	if j.change.Kind == scim.Group {
		return []string{"members"}
	}
	return nil
}

// fieldsOf are the fields of a PATCH. after is the whole desired state.
func fieldsOf(set []plan.Field, after scim.Attributes) []patch.Field {
	fields := make([]patch.Field, len(set))
	for i, f := range set {
		fields[i] = patch.Field{Path: f.Path, Value: f.After}
		if scim.IsUnassigned(f.After) {
			fields[i].Value = nil // never "" or [] (RFC 7643 §2.5)
		}
	}
	return patch.MarkStaying(fields, after)
}

func selects(f patch.Field) bool { return f.Path.Parts().SelAttr != "" }

func absent(fields []patch.Field) []bool {
	out := make([]bool, len(fields))
	for i, f := range fields {
		out[i] = f.Absent
	}
	return out
}

var errMembersHidden = errors.New("the target has no PATCH and does not show members, so they cannot be changed safely")

// replace changes the object as it is now, so that attributes which we do not know stay
// (RFC 7644 §3.5.1: what a PUT leaves out may be cleared).
func (j *job) replace(ctx context.Context, p piece) error {
	if p.members() > 0 && !j.profile.MembersReadable {
		return errMembersHidden
	}
	for again := 0; ; again++ {
		res, err := j.client.Get(ctx, j.change.Kind, j.id)
		if err != nil {
			return err
		}
		changed, err := j.changed(res, p)
		if err != nil || changed == nil {
			return err
		}
		body, err := json.Marshal(changed)
		if err != nil {
			return fmt.Errorf("encode a change: %w", err)
		}
		version := ""
		if j.profile.ETag || j.target.wantsVersion.Load() {
			version = res.Version()
		}
		err = j.client.Put(ctx, j.change.Kind, j.id, body, version)
		if again >= maxReread || !isPrecondition(err) {
			return err
		}
		if version == "" {
			j.target.wantsVersion.Store(true)
		}
	}
}

// changed is the resource with the piece carried out and the server's own parts taken
// out, or nil where it is so already. What is there is not added, and what is not there
// not removed.
func (j *job) changed(res client.Resource, p piece) (map[string]any, error) {
	have, known := members(res)
	if p.members() > 0 && !known {
		return nil, errMembersHidden
	}
	fields := patch.MarkAbsent(fieldsOf(p.set, j.change.After), res)
	fields = slices.DeleteFunc(fields, func(f patch.Field) bool { return f.Absent && f.Value == nil })
	add := slices.DeleteFunc(slices.Clone(p.add), func(m member) bool { return slices.Contains(have, m.id) })
	remove := slices.DeleteFunc(slices.Clone(p.remove), func(m member) bool { return !slices.Contains(have, m.id) })
	ops := patch.Build(fields, patch.Style{})
	ops = append(ops, patch.AddMembers(ids(add), patch.Style{})...)
	ops = append(ops, patch.RemoveMembers(ids(remove), patch.Style{})...)
	if len(ops) == 0 {
		return nil, nil
	}
	out, err := patch.Apply(res, ops)
	if err != nil {
		return nil, fmt.Errorf("change a %s: %w", j.change.Kind, err)
	}
	out = j.withExtensions(out)
	for name := range out {
		// Both are the server's; some servers refuse a body that has them.
		if scim.Fold(name) == "meta" || scim.Fold(name) == "groups" {
			delete(out, name)
		}
	}
	return out, nil
}

// withExtensions names the extensions in schemas whose attributes the body holds.
func (j *job) withExtensions(res map[string]any) map[string]any {
	listed, _ := scim.Member(res, "schemas")
	schemas, _ := listed.([]any)
	for _, f := range j.change.Set {
		urn := f.Path.Parts().URN
		if _, held := scim.Member(res, urn); urn != "" && held && !slices.Contains(schemas, any(urn)) {
			schemas = append(slices.Clone(schemas), urn)
		}
	}
	if len(schemas) > 0 {
		res["schemas"] = schemas
	}
	return res
}

func isPrecondition(err error) bool {
	return isStatus(err, http.StatusPreconditionFailed) || isStatus(err, http.StatusPreconditionRequired)
}

func isStatus(err error, status int) bool {
	e, ok := errors.AsType[*scim.Error](err)
	return ok && e.Status == status
}

// isBadTarget tells whether a path may have picked nothing. Not every server knows the
// scimType.
func isBadTarget(err error) bool {
	e, ok := errors.AsType[*scim.Error](err)
	return ok && e.Status == http.StatusBadRequest && (e.ScimType == scim.TypeNoTarget || e.ScimType == scim.TypeInvalidPath || e.ScimType == "")
}
