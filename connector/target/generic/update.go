package generic

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

// piece is what one request changes of an object.
type piece struct {
	set         []plan.Field
	add, remove []member
}

func (p piece) members() int { return len(p.add) + len(p.remove) }

// update sends the changes to an object that is there.
func (j *job) update(ctx context.Context, set []plan.Field, add, remove []member) error {
	if err := j.allowed(set); err != nil {
		return err
	}
	pieces := j.pieces(set, add, remove)
	if len(pieces) == 0 {
		return j.confirm(target.Outcome{Attributes: true, Final: true})
	}
	return j.whoseName(ctx, set, j.send(ctx, pieces))
}

// pieces cuts the changes into what one request may hold. Attributes come first, so
// that they are known to be confirmed with every later piece; members are added before
// others are taken out, so that no group runs empty on the way.
func (j *job) pieces(set []plan.Field, add, remove []member) []piece {
	if len(set)+len(add)+len(remove) == 0 {
		return nil
	}
	if !j.canPatch() {
		return []piece{{set, add, remove}}
	}
	perAdd := max(j.target.membersAtOnce(j.profile.MembersPerAdd), 1)
	perRemove := max(j.target.membersAtOnce(j.profile.MembersPerRemove), 1)
	if j.profile.MixAddRemove {
		return mixed(piece{set, add, remove}, perAdd, perRemove, j.target.membersAtOnce(perAdd+perRemove))
	}
	var out []piece
	if len(set) > 0 {
		out = append(out, piece{set: set})
	}
	for _, chunk := range chunks(add, perAdd) {
		out = append(out, piece{add: chunk})
	}
	for _, chunk := range chunks(remove, perRemove) {
		out = append(out, piece{remove: chunk})
	}
	return out
}

// mixed cuts a piece for a target that takes everything at once, at most so many members
// in all.
func mixed(p piece, perAdd, perRemove, together int) (out []piece) {
	for len(p.set)+p.members() > 0 {
		a := min(len(p.add), perAdd, together)
		r := min(len(p.remove), perRemove, together-a)
		out = append(out, piece{p.set, p.add[:a], p.remove[:r]})
		p = piece{add: p.add[a:], remove: p.remove[r:]}
	}
	return out
}

func chunks(members []member, size int) [][]member {
	var out [][]member
	for ; len(members) > size; members = members[size:] {
		out = append(out, members[:size])
	}
	if len(members) > 0 {
		out = append(out, members)
	}
	return out
}

// send works through the pieces in order and confirms each before the next. A member
// that the target does not take is set aside, so that it does not keep the others out;
// the change then ends with that error.
func (j *job) send(ctx context.Context, pieces []piece) error {
	var setAside error
	for len(pieces) > 0 {
		p := pieces[0]
		pieces = pieces[1:]
		err := j.request(ctx, p)
		halves, refused, err := j.judge(ctx, p, err)
		switch {
		case err != nil:
			return err
		case len(halves) > 0:
			pieces = append(halves, pieces...)
			continue
		case refused != nil:
			setAside = refused
			continue
		}
		if err := j.confirm(target.Outcome{
			Attributes: true, Added: keys(p.add), Removed: keys(p.remove),
			Final: len(pieces) == 0 && setAside == nil,
		}); err != nil {
			return err
		}
	}
	return setAside
}

// judge says what an answer means for a piece: done (all nil), to be sent in halves,
// refused for its one member, or failed.
func (j *job) judge(ctx context.Context, p piece, err error) (halves []piece, refused, failed error) {
	e, answered := errors.AsType[*scim.Error](err)
	if err == nil || !answered {
		return nil, nil, err
	}
	if e.Status == http.StatusNotFound || e.Status == http.StatusGone {
		if p.members() == 0 || !j.exists(ctx) {
			j.gone = true
			return nil, nil, err
		}
	}
	if isTooLarge(err) && p.members() > 1 {
		j.target.tooLarge(p.members())
	}
	switch {
	case isTooLarge(err) && p.splits(), j.blamesMember(e, p) && p.splits():
		return p.halves(), nil, nil
	case !j.blamesMember(e, p):
		return nil, nil, err
	case len(p.remove) == 1 && (e.ScimType == scim.TypeNoTarget || e.Status == http.StatusNotFound):
		return nil, nil, nil // not a member any more, which is what was wanted
	default:
		return nil, err, nil
	}
}

// blamesMember tells whether an answer to a piece with members may be about one of
// them: one unknown id fails the whole request with most servers.
func (j *job) blamesMember(e *scim.Error, p piece) bool {
	if p.members() == 0 || !j.canPatch() {
		return false
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity:
		return true
	default:
		return false
	}
}

// splits tells whether there is less to send at once than the piece.
func (p piece) splits() bool { return p.members() > 1 || len(p.set) > 0 && p.members() > 0 }

// halves splits a piece by what it does, and a piece that does one thing in the middle.
func (p piece) halves() []piece {
	var out []piece
	if len(p.set) > 0 {
		out = append(out, piece{set: p.set})
	}
	both := len(p.add) > 0 && len(p.remove) > 0
	for _, part := range []piece{{add: p.add}, {remove: p.remove}} {
		switch n := part.members(); {
		case n == 0:
		case n == 1 || both || len(p.set) > 0:
			out = append(out, part)
		default:
			add, remove := len(part.add)/2, len(part.remove)/2
			out = append(out, piece{add: part.add[:add], remove: part.remove[:remove]},
				piece{add: part.add[add:], remove: part.remove[remove:]})
		}
	}
	return out
}

// exists tells whether the group is still there, where a 404 may be about a member.
func (j *job) exists(ctx context.Context) bool {
	_, err := j.client.Get(ctx, j.change.Kind, j.id, "members")
	return !scim.IsNotFound(err)
}

func isTooLarge(err error) bool { return isStatus(err, http.StatusRequestEntityTooLarge) }

// whoseName makes a conflict of a refused change of user name where somebody else holds
// the name: some servers answer a 400 that does not say so.
func (j *job) whoseName(ctx context.Context, set []plan.Field, err error) error {
	i := slices.IndexFunc(set, func(f plan.Field) bool { return f.Path == "userName" })
	if i < 0 || !j.mayBeTaken(err) || scim.IsConflict(err) {
		return err
	}
	name, _ := set[i].After.(string)
	holders, findErr := j.target.Find(ctx, j.change.Kind, "userName", name, nil)
	if findErr != nil {
		return err
	}
	for _, h := range holders {
		if h.RemoteID != j.id {
			return asConflict(err)
		}
	}
	return err
}
