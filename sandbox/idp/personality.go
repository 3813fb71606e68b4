package idp

import (
	"maps"
	"slices"
	"time"

	"simscim/scim"
	"simscim/scim/filter"
	"simscim/scim/server"
)

// Generic is the personality of Options that name none: everything in RFC 7644 but
// bulk, and nothing refused that it allows.
const Generic = "generic"

// personality is one kind of server, as data: what it lacks, what it refuses and how
// it bends its answers. It is written from the vendors' documents and from nothing on
// the client's side, so that the two can disagree where one of them is wrong.
type personality struct {
	// server is what the service provider behind the gate does.
	server server.Options
	// paths are endpoints by another name; anyCase takes them in any case.
	paths   map[string]string
	anyCase bool
	// config replaces parts of the service provider configuration.
	config map[string]any

	// accept is a media type that the Accept header has to name, else acceptStatus.
	accept       string
	acceptStatus int
	// userAgent asks for a User-Agent header.
	userAgent bool
	// tightQuery refuses white space around "=" in the query string.
	tightQuery bool

	// refused are the statuses of what there is not, by "PUT /Groups" or "/Groups".
	refused map[string]int
	// deleteSuspends answers the DELETE of a user by suspending it.
	deleteSuspends bool
	users, groups  filters

	// required are the attributes without which no user is made, initial those that can
	// be given only then, and lasting those that cannot be taken away.
	required, initial, lasting []scim.Path
	// oneValue allows a single value in each multi-valued attribute of a user, and wants
	// that of the e-mail addresses to be primary.
	oneValue bool
	// groupPaths are the only attributes that the PATCH of a group may name, by
	// operation, nil for all.
	groupPaths map[string][]string
	noRename   bool
	members    members

	// conflict is the status that stands for 409, without a scimType.
	conflict int
	// bend changes the answers, dress the bodies of errors.
	bend  bend
	dress func(p *IDP, status int, body map[string]any)
	rates []Rate
}

// filters are what can be asked of one resource type.
type filters struct {
	// ops are the operators and the attributes that each takes: nil ops are all, no
	// attributes any.
	ops map[filter.Op][]string
	// and lets terms be joined; without ops it is of no account. Attributes in alone
	// cannot be joined to others.
	and   bool
	alone []string
	// needed refuses a list without a filter.
	needed bool
	// blind are attributes whose filters meet nothing.
	blind []string
	// length is how long a filter may be in characters, terms how many comparisons it
	// may hold; 0 is the parser's own limit.
	length, terms int
}

// members are the rules for the members of a group. Zero numbers are no limit.
type members struct {
	// perCreate, perAdd and perRemove are the most of one request, perRequest of both
	// ways together. tooMany is the status of more, 400 if it is zero.
	perCreate, perAdd, perRemove, perRequest, tooMany int
	// noneAtCreate refuses members in the POST of a group. operations is the most
	// operations of one PATCH.
	noneAtCreate bool
	operations   int
	// byFilter wants removals by a filter in the path. inObject takes lists in an object,
	// {"members": [...]}, as well.
	byFilter, inObject bool
	// oneOperation wants all additions in one operation. unmixed keeps additions,
	// removals and other changes apart. noReplace refuses to replace or remove all.
	oneOperation, unmixed, noReplace bool
	// unknown is the status of an unknown member, with unknownDetail around its id.
	unknown       int
	unknownDetail [2]string
}

// bend is how answers differ from those of the service provider.
type bend struct {
	// noMembers leaves members out of groups, emptyMembers shows none of them.
	noMembers, emptyMembers bool
	// lowerResources writes "resources", lowerTypes meta.resourceType in lower case.
	lowerResources, lowerTypes bool
	// emptyPatch answers the PATCH of a group with {}.
	emptyPatch bool
	// relative writes locations without the base URL.
	relative bool
	// filteredTotals shows totalResults in answers to filters only.
	filteredTotals bool
	// meta are the members of meta that are left out, by kind.
	meta map[scim.Kind][]string
}

// Rate is a limit on requests: so many in a time, refilled evenly.
type Rate struct {
	// Methods and Kind say which requests count; empty for all.
	Methods []string
	Kind    scim.Kind
	// Over counts only requests whose body is longer, in bytes.
	Over int64
	// Members counts the members that a request adds, not the request.
	Members bool
	Most    int
	Per     time.Duration
	// Burst is how many may come at once, Most if it is zero.
	Burst int
}

// Personalities lists the names that Options.Personality takes, sorted.
func Personalities() []string { return slices.Sorted(maps.Keys(personalities())) }
