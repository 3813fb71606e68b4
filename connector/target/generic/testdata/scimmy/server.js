// A SCIM 2.0 server on scimmy with a store in memory: one that this project did not
// write, for its tests. It listens on a free loopback port, prints {"port": …} as its
// first line, wants the bearer token of the environment variable TOKEN, and ends when
// its standard input closes. Every name below the root, as in /NAME/scim/v2, is a server
// of its own, empty at first.
import {randomUUID} from "node:crypto";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const token = process.env.TOKEN;
if (!token) throw new Error("TOKEN is not set");

class Store {
    #byId = new Map();
    #byName = new Map();
    #unique;

    constructor(unique) {
        this.#unique = unique;
    }

    #key(record) {
        return this.#unique ? String(record[this.#unique]).toLowerCase() : undefined;
    }

    read(resource) {
        if (resource.id) {
            const found = this.#byId.get(resource.id);
            if (!found) throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
            return found;
        }
        const all = [...this.#byId.values()];
        return resource.filter ? resource.filter.match(all) : all;
    }

    write(resource, instance) {
        const before = resource.id ? this.read(resource) : undefined;
        const now = new Date().toISOString();
        const record = {...JSON.parse(JSON.stringify(instance)), id: resource.id ?? randomUUID()};
        const key = this.#key(record);
        const holder = key !== undefined ? this.#byName.get(key) : undefined;
        if (holder !== undefined && holder !== record.id)
            throw new SCIMMY.Types.Error(409, "uniqueness", `${this.#unique} ${record[this.#unique]} is taken`);
        if (before) this.#byName.delete(this.#key(before));
        if (key !== undefined) this.#byName.set(key, record.id);
        record.meta = {created: before?.meta?.created ?? now, lastModified: now};
        this.#byId.set(record.id, record);
        return record;
    }

    remove(resource) {
        const found = this.read(resource);
        this.#byId.delete(found.id);
        this.#byName.delete(this.#key(found));
    }
}

const servers = new Map();

// at returns the stores of the server that a request named.
function at(name) {
    if (!servers.has(name)) servers.set(name, {users: new Store("userName"), groups: new Store()});
    return servers.get(name);
}

SCIMMY.Config.set({patch: true, filter: {supported: true, maxResults: 200}});
SCIMMY.Resources.declare(SCIMMY.Resources.User)
    .ingress((resource, data, name) => at(name).users.write(resource, data))
    .egress((resource, name) => at(name).users.read(resource))
    .degress((resource, name) => at(name).users.remove(resource));
SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false);
SCIMMY.Resources.declare(SCIMMY.Resources.Group)
    .ingress((resource, data, name) => at(name).groups.write(resource, data))
    .egress((resource, name) => at(name).groups.read(resource))
    .degress((resource, name) => at(name).groups.remove(resource));

const app = express();
app.use("/:name/scim/v2", new SCIMMYRouters({
    type: "bearer",
    handler: (request) => {
        if (request.header("Authorization") !== `Bearer ${token}`) throw new Error("The token is not accepted");
        return "simscim";
    },
    context: (request) => request.params.name,
}));

const server = app.listen(0, "127.0.0.1", () => console.log(JSON.stringify({port: server.address().port})));
process.stdin.on("end", () => process.exit(0)).resume();
