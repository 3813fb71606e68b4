package generic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/internal/httpx"
	"simscim/scim"
)

// create posts the object, settles what became of it, and sends the members that did
// not fit into the post.
func (j *job) create(ctx context.Context) error {
	attrs := j.desired()
	members, _ := j.members()
	inline := j.inline(members)
	for {
		body, err := j.enc.resource(j.change.Kind, attrs, ids(inline))
		if err != nil {
			return fmt.Errorf("encode a %s: %w", j.change.Kind, err)
		}
		found, err := j.post(ctx, body)
		if isTooLarge(err) && len(inline) > 0 && j.canPatch() {
			j.target.tooLarge(len(inline))
			inline = inline[:len(inline)/2]
			continue
		}
		if err != nil {
			return err
		}
		if found != nil {
			return j.takeUp(ctx, attrs, found, members)
		}
		break
	}
	rest := members[len(inline):]
	err := j.confirm(target.Outcome{Attributes: true, Added: keys(inline), Final: len(rest) == 0})
	if err != nil || len(rest) == 0 {
		return err
	}
	return j.send(ctx, j.pieces(nil, rest, nil))
}

// inline are the members who travel with the create.
func (j *job) inline(members []member) []member {
	if !j.canPatch() {
		return members // there is no other way to send them
	}
	return members[:min(len(members), j.target.membersAtOnce(j.profile.MembersPerCreate))]
}

// desired is what the create sends; the externalId is what makes the object ours.
func (j *job) desired() scim.Attributes {
	attrs := j.change.After
	if _, ok := attrs.Get(externalID); !ok && j.change.Key != "" {
		attrs = append(slices.Clone(attrs), scim.Attribute{Path: externalID, Value: j.change.Key}).Sort()
	}
	return attrs
}

var (
	errUnfound = errors.New("the target says that it made the object, and then does not find it")
	errSeveral = errors.New("several objects at the target carry the same externalId")
)

// post sends the create. It returns the object that was there already, or nil where the
// create has made it and set j.id.
//
// A POST is not idempotent: after an answer that leaves open whether it was carried
// out, the object is looked up, and only if it is not there the POST is sent once more.
func (j *job) post(ctx context.Context, body []byte) (*target.Object, error) {
	for again := false; ; again = true {
		w, err := j.sendCreate(ctx, body)
		switch {
		case err == nil && w.ID != "":
			j.id, j.unsure = w.ID, false
			return nil, nil
		case err == nil:
			j.unsure = true
			found, lookErr := j.find(ctx, errUnfound)
			j.unsure = found == nil
			return found, lookErr
		case mayBeMade(err):
			j.unsure = true
			found, lookErr := j.find(ctx, nil)
			if found != nil {
				j.unsure = false
				return found, nil
			}
			if errors.Is(lookErr, errUnsure) || errors.Is(lookErr, errSeveral) {
				return nil, lookErr
			}
			if again || lookErr != nil {
				return nil, err
			}
		case j.mayBeTaken(err):
			return j.find(ctx, err)
		default:
			return nil, err
		}
	}
}

// mayBeMade tells whether the failed create may have been carried out all the same.
func mayBeMade(err error) bool {
	if httpx.IsAmbiguous(err) || errors.Is(err, errUnanswered) {
		return true
	}
	e, ok := errors.AsType[*scim.Error](err)
	if !ok {
		return false
	}
	switch e.Status {
	case http.StatusOK, http.StatusAccepted, http.StatusRequestTimeout, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

// mayBeTaken tells whether the create failed, or may have failed, because something
// like it exists: by 409, by a status with which this server says so, or by a 400 that
// does not tell why.
func (j *job) mayBeTaken(err error) bool {
	e, ok := errors.AsType[*scim.Error](err)
	return ok && (scim.IsConflict(err) || slices.Contains(j.profile.ConflictStatus, e.Status) ||
		e.Status == http.StatusBadRequest && (e.ScimType == "" || e.ScimType == scim.TypeInvalidValue))
}

// find looks for the object of a create at the target: by externalId, which proves that
// it is ours, and else by name, to tell whether somebody else's stands in the way.
// Without an object of ours it returns otherwise, or what says more than that.
func (j *job) find(ctx context.Context, otherwise error) (*target.Object, error) {
	found, err := j.byExternalID(ctx)
	if err != nil {
		return nil, err
	}
	if found != nil {
		j.id = found.RemoteID
		return found, nil
	}
	name, path := j.name()
	if name == "" || !j.unsure && scim.IsConflict(otherwise) {
		return nil, otherwise
	}
	holders, err := j.target.Find(ctx, j.change.Kind, path, name, nil)
	if err != nil {
		return nil, err
	}
	for _, h := range holders {
		if h.ExternalID == "" && j.unsure {
			// A target that keeps no externalId: this may be what our lost create made.
			return nil, errUnsure
		}
	}
	if len(holders) > 0 && j.change.Kind == scim.User && j.mayBeTaken(otherwise) {
		return nil, asConflict(otherwise)
	}
	return nil, otherwise
}

// asConflict says of a refusal what its server did not say: that the name is taken.
func asConflict(err error) error {
	e, ok := errors.AsType[*scim.Error](err)
	if !ok {
		return err
	}
	return &scim.Error{Status: e.Status, ScimType: scim.TypeUniqueness, Detail: e.Detail}
}

var errUnsure = errors.New("an object of this name exists, and it cannot be told whether it is ours")

// byExternalID finds the one object with our externalId, by filter or, where the target
// filters by the name only, among those with the name.
func (j *job) byExternalID(ctx context.Context) (*target.Object, error) {
	path, value := externalID, j.change.Key
	if !j.profile.CanFilter(j.change.Kind, externalID) {
		if name, namePath := j.name(); name != "" && j.profile.CanFilter(j.change.Kind, namePath) {
			path, value = namePath, name
		}
	}
	found, err := j.target.Find(ctx, j.change.Kind, path, value, j.paths())
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(o target.Object) bool {
		// A group that is being made anew may still be found as it was.
		return o.ExternalID != j.change.Key || o.RemoteID == j.change.RemoteID
	})
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return &found[0], nil
	default:
		return nil, errSeveral
	}
}

func (j *job) name() (string, scim.Path) {
	path := scim.Path("userName")
	if j.change.Kind == scim.Group {
		path = "displayName"
	}
	return j.change.After.String(path), path
}

func (j *job) paths() []scim.Path {
	paths := make([]scim.Path, len(j.change.After))
	for i, a := range j.change.After {
		paths[i] = a.Path
	}
	return paths
}

// takeUp brings an object of ours that was there already to the desired state, but for
// what is written only when it is made. Members that nobody wants any more are left to the
// next comparison: no safeguard has counted them here.
func (j *job) takeUp(ctx context.Context, attrs scim.Attributes, found *target.Object, members []member) error {
	var set []plan.Field
	for _, a := range attrs {
		if a.Path == externalID || a.Path == "password" || slices.Contains(j.change.CreateOnly, a.Path) {
			continue
		}
		if have, _ := found.Attributes.Get(a.Path); !scim.SameValue(a.Path, have, a.Value) {
			set = append(set, plan.Field{Path: a.Path, After: a.Value})
		}
	}
	var there, missing []member
	for _, m := range members {
		if found.MembersKnown && slices.Contains(found.Members, m.id) {
			there = append(there, m)
		} else {
			missing = append(missing, m)
		}
	}
	done := len(set) == 0 && len(missing) == 0
	if done || len(there) > 0 {
		err := j.confirm(target.Outcome{Attributes: len(set) == 0, Added: keys(there), Final: done})
		if err != nil || done {
			return err
		}
	}
	return j.update(ctx, set, missing, nil)
}
