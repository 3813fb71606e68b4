package simsid

import (
	"context"
	"fmt"
	"sync"

	"simscim/connector/source"
	"simscim/roster"
)

// school is what we hold in memory for one organisation: its token and its client.
// Nothing of it is written anywhere.
type school struct {
	party *party

	mu     sync.Mutex
	client credential
}

// school returns the one holder of an organisation's credentials.
func (s *Source) school(org string) *school {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sc := s.schools[org]; sc != nil {
		return sc
	}
	sc := &school{}
	sc.party = &party{organisation: org, scope: s.cfg.Scope, school: true}
	sc.party.credential = func(ctx context.Context, fresh bool) (credential, error) {
		if s.vendor == nil {
			return s.listedCredential(org)
		}
		return s.vendorCredential(ctx, sc, org, fresh)
	}
	s.schools[org] = sc
	return sc
}

// listedCredential resolves the references each time: a rotated secret counts from the
// next token on.
func (s *Source) listedCredential(org string) (credential, error) {
	c := s.listed[org]
	if c == nil {
		return credential{}, &source.Frozen{Reason: "it has no credentials in the configuration"}
	}
	id, err := c.ClientID.Resolve()
	if err != nil {
		return credential{}, fmt.Errorf("client id of organisation %s: %w", org, err)
	}
	key, err := c.ClientSecret.Resolve()
	if err != nil {
		return credential{}, fmt.Errorf("client secret of organisation %s: %w", org, err)
	}
	return credential{id, key}, nil
}

// vendorCredential returns the school's client as vendor management gave it out in this
// run, and fetches it where it has not yet, or where it was refused.
func (s *Source) vendorCredential(ctx context.Context, sc *school, org string, fresh bool) (credential, error) {
	sc.mu.Lock()
	known := sc.client
	sc.mu.Unlock()
	if !fresh && !known.id.IsZero() {
		return known, nil
	}
	c, err := s.customer(ctx, org)
	if err != nil {
		return credential{}, err
	}
	got, err := s.fetchCredential(ctx, c)
	if err != nil {
		return credential{}, err
	}
	sc.mu.Lock()
	sc.client = got
	sc.mu.Unlock()
	return got, nil
}

// customer finds a school in the list of customers, which is read if it never was.
func (s *Source) customer(ctx context.Context, org string) (customer, error) {
	s.mu.Lock()
	d := s.directory
	s.mu.Unlock()
	if d == nil {
		var err error
		if d, err = s.refreshDirectory(ctx); err != nil {
			return customer{}, err
		}
	}
	return d.lookUp(org)
}

// refreshDirectory reads the customer list anew and forgets the clients fetched so
// far: a new run fetches each again, so that rotation is seen. A school that is no
// longer authorised loses its token as well.
func (s *Source) refreshDirectory(ctx context.Context) (*directory, error) {
	d, err := s.listCustomers(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.directory = d
	for org, sc := range s.schools {
		if c, ok := d.customers[org]; !ok || c.state != authorised {
			delete(s.schools, org)
			continue
		}
		sc.mu.Lock()
		sc.client = credential{}
		sc.mu.Unlock()
	}
	return d, nil
}

// vendorParty is the vendor's own access to vendor management.
func (s *Source) vendorParty() *party {
	v := s.cfg.Vendor
	return &party{
		organisation: roster.CanonicalID(v.Organisation), scope: v.Scope,
		credential: func(context.Context, bool) (credential, error) {
			id, err := v.ClientID.Resolve()
			if err != nil {
				return credential{}, fmt.Errorf("vendor client id: %w", err)
			}
			key, err := v.ClientSecret.Resolve()
			if err != nil {
				return credential{}, fmt.Errorf("vendor client secret: %w", err)
			}
			return credential{id, key}, nil
		},
	}
}

func (sc *school) in(ctx context.Context) context.Context { return sc.party.in(ctx) }
