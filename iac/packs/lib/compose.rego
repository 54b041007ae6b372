# Helpers of the checks of Compose files.
package lib.compose

services contains {"at": ["doc", "services", name], "spec": spec, "name": name, "resource": sprintf("service %s", [name])} if {
	some name, spec in input.doc.services
	is_object(spec)
}

# mounts are the bind mounts of all services.
mounts contains {"at": array.concat(s.at, ["volumes", i]), "resource": s.resource, "source": source(v), "writable": writable(v)} if {
	some s in services
	some i, v in s.spec.volumes
}

source(v) := split(v, ":")[0] if is_string(v)

source(v) := object.get(v, "source", "") if is_object(v)

writable(v) := false if {
	is_string(v)
	some option in split(split(v, ":")[2], ",")
	option == "ro"
} else := false if {
	is_object(v)
	v.read_only == true
} else := true

# ports are all published ports, as {host, published}.
ports contains {"at": array.concat(s.at, ["ports", i]), "resource": s.resource, "host": published.host, "port": published.port} if {
	some s in services
	some i, p in s.spec.ports
	published := publish(p)
}

publish(p) := {"host": object.get(p, "host_ip", ""), "port": sprintf("%v", [p.published])} if {
	is_object(p)
	p.published
}

publish(p) := {"host": "", "port": parts[0]} if {
	is_string(p)
	parts := split(split(p, "/")[0], ":")
	count(parts) == 2
}

publish(p) := {"host": host, "port": parts[count(parts) - 2]} if {
	is_string(p)
	parts := split(split(p, "/")[0], ":")
	count(parts) > 2
	host := concat(":", array.slice(parts, 0, count(parts) - 2))
}
