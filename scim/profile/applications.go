package profile

import (
	"simscim/scim"
	"simscim/scim/client"
)

// The applications that take accounts and groups. As in directories.go, pin is what is
// documented.

func githubEMU() entry {
	return entry{
		ask:    false,
		source: "docs.github.com: SCIM for Enterprise Managed Users",
		notes: []string{
			"At most 1,000 accounts an hour are made or changed, and 1,000 members an hour added to one group.",
			"Suspending an account also hides its login; deleting it cannot be undone.",
			"Only one system may write.",
			"What can be filtered by is as commonly seen (inferred).",
		},
		pin: func(p *Profile) {
			p.ETag = false
			membersAtOnce(p, 1000, 1000, 1000)
			p.Paging = client.Index
			p.Search, p.Bulk = false, Bulk{}
			p.UserAgent = "simscim"
			p.Rate = Rate{PerHour: 1000}
		},
	}
}

func gitlab() entry {
	return entry{
		ask:    true,
		source: "docs.gitlab.com: SCIM API",
		notes: []string{
			"Groups are taken only where GitLab says so itself: they are newer and behind a feature flag.",
			"A filter names one attribute and finds one account.",
			"Taking members out came later than adding them: older versions refuse it.",
		},
		expect: func(p *Profile) { p.Groups = false },
		pin: func(p *Profile) {
			p.Patch, p.Put, p.PutGroups, p.ETag = true, false, false, false
			p.FilterUsers = []scim.Path{"externalId", "id"}
			p.Paging = client.Index
			p.Bulk = Bulk{}
		},
	}
}

func slack() entry {
	return entry{
		ask:    true,
		source: "docs.slack.dev: SCIM API and its rate limits",
		notes: []string{
			"DELETE only deactivates an account: accounts are suspended and stay.",
			"The limits on calls are shared with every other SCIM application of the organisation.",
		},
		pin: func(p *Profile) {
			p.Patch, p.PatchGroups, p.ETag = true, true, false
			p.Delete = false
			p.Paging, p.PageMax = client.Index, maxPage
			p.Bulk = Bulk{}
			// Writes of users, the tightest limit: 180 a minute, with bursts of 20.
			p.Rate = Rate{PerSecond: 3, PerMinute: 180}
		},
	}
}

func atlassian() entry {
	return entry{
		ask:    true,
		source: "developer.atlassian.com: user provisioning REST API",
		notes: []string{
			"Groups cannot be renamed.",
			"DELETE only deactivates an account: accounts are suspended and stay.",
			"An account needs an e-mail address.",
		},
		pin: func(p *Profile) {
			p.Patch, p.PatchGroups, p.ETag = true, true, false
			p.Delete, p.GroupRename = false, false
			p.Paging, p.PageMax = client.Index, 100
			p.Bulk = Bulk{}
			p.RequiredUser = []scim.Path{"userName", "emails"}
		},
	}
}

func databricks() entry {
	return entry{
		ask:    true,
		source: "learn.microsoft.com: Databricks account SCIM API; PATCH and PUT are the usual ones (inferred)",
		notes:  []string{"Filters of more than 200 terms are refused; simscim sends one."},
		pin: func(p *Profile) {
			p.ETag = false
			p.Paging = client.Index
			p.Bulk = Bulk{}
		},
	}
}

func snowflake() entry {
	return entry{
		ask:    true,
		source: "docs.snowflake.com: SCIM and behaviour change 2276 (2026_03)",
		notes: []string{
			"It says that it cannot filter, and can: one comparison, without and or or.",
			"A group is a role: renaming it renames the role (inferred).",
			"Accounts are suspended and stay.",
		},
		pin: func(p *Profile) {
			p.ETag, p.Delete = false, false
			p.FilterUsers = []scim.Path{"externalId", "userName"}
			p.FilterGroups = []scim.Path{"displayName"}
			p.Paging = client.Index
			p.Bulk = Bulk{}
		},
	}
}

func salesforce() entry {
	return entry{
		ask:    true,
		source: "help.salesforce.com: SCIM examples; PATCH, PUT and paging are the usual ones (inferred)",
		notes: []string{
			"Accounts cannot be deleted: they are suspended and stay.",
			"Members travel in an object of their own, both in and out, as its examples have it.",
			"How many members one request may hold is not documented (inferred).",
		},
		pin: func(p *Profile) {
			p.Delete = false
			p.Style.MembersByValue, p.Style.MembersInObject = true, true
			p.Bulk = Bulk{}
		},
	}
}

func zoom() entry {
	return entry{
		ask:    true,
		source: "developers.zoom.us: SCIM2 API; PATCH, PUT and paging are the usual ones (inferred)",
		notes:  []string{"The limits on calls depend on the plan and were not readable: 429 is obeyed."},
		pin: func(p *Profile) {
			p.Accept = scim.MediaType
			p.Bulk = Bulk{}
		},
	}
}

func miro() entry {
	return entry{
		ask:    true,
		source: "developers.miro.com: SCIM API and its rate limits",
		notes: []string{
			"A request of more than 8,000 members or 800 kB is refused with 413.",
			"Groups bear 5 reads in 30 seconds, and 5 changes of more than 500 bytes; deleting an account 20: beyond them 429 is obeyed.",
		},
		pin: func(p *Profile) {
			p.Patch, p.PatchGroups, p.ETag = true, true, false
			membersAtOnce(p, 8000, 8000, 8000)
			p.Paging = client.Index
			p.Bulk = Bulk{}
			// Changes of users: 100 in 30 seconds.
			p.Rate = Rate{PerSecond: 100.0 / 30}
		},
	}
}
