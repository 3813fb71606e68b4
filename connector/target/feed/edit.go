package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"time"

	"simscim/scim"
	"simscim/scim/server"
)

// kept is what is stored of a resource's attributes: not what the store knows better, and
// never a password.
func kept(attributes map[string]any) map[string]any {
	out := maps.Clone(attributes)
	for _, name := range []string{"id", "meta", "schemas", "groups", "members", "password"} {
		delete(out, name)
	}
	return out
}

// hashes are those of the attributes by which a resource is looked up.
func (s *session) hashes(kind scim.Kind, attributes map[string]any) (userName, external, display []byte) {
	text := func(name string) string {
		value, _ := attributes[name].(string)
		return value
	}
	if kind == scim.User {
		userName = s.keys.sum(kind, "userName", text("userName"))
	}
	return userName, s.keys.sum(kind, externalID, text(externalID)), s.keys.sum(kind, "displayName", text("displayName"))
}

// taken tells whether somebody else holds the user name.
func (s *session) taken(ctx context.Context, kind scim.Kind, attributes map[string]any, seq int64) (bool, error) {
	userName, _, _ := s.hashes(kind, attributes)
	if userName == nil {
		return false, nil
	}
	n, err := s.number(ctx, "SELECT count(*) FROM resource WHERE user_name = ? AND seq <> ?", userName, seq)
	return n > 0, err
}

func conflict() error {
	return &scim.Error{Status: http.StatusConflict, ScimType: scim.TypeUniqueness, Detail: "the user name is taken"}
}

// insert stores a new resource and sets its place and version.
func (s *session) insert(ctx context.Context, kind scim.Kind, r *server.Resource) error {
	r.Attributes = kept(r.Attributes)
	if taken, err := s.taken(ctx, kind, r.Attributes, 0); err != nil || taken {
		return orConflict(err)
	}
	content, err := json.Marshal(r.Attributes)
	if err != nil {
		return fmt.Errorf("encode a %s: %w", kind, err)
	}
	userName, external, display := s.hashes(kind, r.Attributes)
	result, err := s.tx.ExecContext(ctx, `INSERT INTO resource (kind, id, version, created, modified, user_name, external_id, display_name, content)
		VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?)`,
		code(kind), r.ID, r.Created.UnixMilli(), r.Modified.UnixMilli(), userName, external, display, s.keys.close(kind, r.ID, content))
	if err != nil {
		return err
	}
	r.Version = 1
	r.Seq, err = result.LastInsertId()
	return err
}

func orConflict(err error) error {
	if err != nil {
		return err
	}
	return conflict()
}

// rewrite stores the attributes in place of those that the resource has. Where they are
// the same nothing is written.
func (s *session) rewrite(ctx context.Context, kind scim.Kind, r *server.Resource, attributes map[string]any) (changed bool, err error) {
	before, err := json.Marshal(kept(r.Attributes))
	if err != nil {
		return false, fmt.Errorf("encode a %s: %w", kind, err)
	}
	attributes = kept(attributes)
	content, err := json.Marshal(attributes)
	if err != nil {
		return false, fmt.Errorf("encode a %s: %w", kind, err)
	}
	if bytes.Equal(before, content) {
		return false, nil
	}
	if taken, err := s.taken(ctx, kind, attributes, r.Seq); err != nil || taken {
		return false, orConflict(err)
	}
	userName, external, display := s.hashes(kind, attributes)
	_, err = s.tx.ExecContext(ctx, `UPDATE resource SET user_name = ?, external_id = ?, display_name = ?, content = ? WHERE seq = ?`,
		userName, external, display, s.keys.close(kind, r.ID, content), r.Seq)
	r.Attributes = attributes
	return true, err
}

// touch marks a change of a resource. It comes once, after all that changes in it.
func (s *session) touch(ctx context.Context, r *server.Resource, now time.Time) error {
	r.Version, r.Modified = r.Version+1, now
	_, err := s.tx.ExecContext(ctx, "UPDATE resource SET version = ?, modified = ? WHERE seq = ?", r.Version, now.UnixMilli(), r.Seq)
	return err
}

// remove deletes a resource. The groups that it was in change by that.
func (s *session) remove(ctx context.Context, seq int64, now time.Time) error {
	_, err := s.tx.ExecContext(ctx, `UPDATE resource SET version = version + 1, modified = ?
		WHERE seq IN (SELECT group_seq FROM member WHERE member_seq = ?)`, now.UnixMilli(), seq)
	if err != nil {
		return err
	}
	_, err = s.tx.ExecContext(ctx, "DELETE FROM resource WHERE seq = ?", seq) // memberships go with it
	return err
}

// seqOf finds the place of a resource of any kind.
func (s *session) seqOf(ctx context.Context, id string) (seq int64, ok bool, err error) {
	seq, err = s.number(ctx, "SELECT coalesce(max(seq), 0) FROM resource WHERE id = ?", id)
	return seq, seq > 0, err
}

// enrol puts a member into a group, and expel takes one out. Doing it again changes nothing.
func (s *session) enrol(ctx context.Context, group, member int64) (changed bool, err error) {
	return s.changes(ctx, "INSERT INTO member (group_seq, member_seq) VALUES (?, ?) ON CONFLICT DO NOTHING", group, member)
}

func (s *session) expel(ctx context.Context, group, member int64) (changed bool, err error) {
	return s.changes(ctx, "DELETE FROM member WHERE group_seq = ? AND member_seq = ?", group, member)
}

func (s *session) changes(ctx context.Context, query string, args ...any) (bool, error) {
	result, err := s.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}
