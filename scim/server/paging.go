package server

// Paging is how lists are paged.
type Paging int

// The ways of paging. With CursorPaging every list answers with a cursor, asked for or
// not (RFC 9865 §2); with NoPaging every list is whole, whatever was asked for.
const (
	AnyPaging Paging = iota
	IndexPaging
	CursorPaging
	NoPaging
)

// pagingConfig is the part of the service provider configuration that RFC 9865 §4 adds,
// nil where there is nothing to say.
func (s *server) pagingConfig() map[string]any {
	p := s.options.Paging
	if p == NoPaging {
		return nil
	}
	method := "index"
	if p == CursorPaging {
		method = "cursor"
	}
	return map[string]any{
		"cursor": p != IndexPaging, "index": p != CursorPaging, "defaultPaginationMethod": method,
		"defaultPageSize": s.options.PageDefault, "maxPageSize": s.options.PageMax,
	}
}
