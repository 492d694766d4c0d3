// Shows the OpenAPI document of this server. Everything is made as DOM nodes: no text of the document is ever HTML.
// The token and what is typed into fields live in this page's memory alone.

const METHODS = ["get", "post", "put", "patch", "delete"];
const NO_NUL = "^[^\\x00]*$";
const LONGEST_SHOWN = 200_000;
const typed = new Map(); // name of a parameter → its last value, so that an id need not be typed twice
let api;

function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== ""));
  return node;
}

// `code` and <links> in a text of the document.
function prose(text) {
  return (text ?? "").split(/(`[^`]+`)/).map((part) => (part.startsWith("`") && part.length > 2 ? h("code", {}, part.slice(1, -1)) : part));
}

function resolve(node) {
  if (!node?.$ref) return node;
  const found = node.$ref.slice(2).split("/").reduce((at, key) => at[key], api);
  const { $ref, ...beside } = node;
  return { ...found, ...beside };
}

const nameOf = (schema) => schema?.$ref?.split("/").at(-1);

// Schemas

function typeOf(schema) {
  const name = nameOf(schema);
  const found = resolve(schema);
  if (name === "JsonValue") return "any JSON";
  if (found.const !== undefined) return JSON.stringify(found.const);
  if (found.enum) return "one of";
  if (found.type === "array") return `array of ${typeOf(found.items)}`;
  if (found.format === "uuid") return "UUID";
  if (found.format === "date-time") return "time";
  if (found.format === "binary") return "file";
  if (found.anyOf && !found.properties) {
    const kinds = found.anyOf.filter((each) => !each.required || each.type).map(typeOf);
    return name ?? [...new Set(kinds)].join(" or ");
  }
  if (found.type === "object") return name ?? "object";
  const type = Array.isArray(found.type) ? found.type.join(" or ") : found.type;
  return name && !found.properties ? `${type} (${name})` : type ?? "anything";
}

const grouped = (number) => (Math.abs(number) === Number.MAX_SAFE_INTEGER ? undefined : number.toLocaleString("en"));

function between(least, most, unit) {
  const [low, high] = [least === undefined ? undefined : grouped(least), most === undefined ? undefined : grouped(most)];
  if (low && high) return `${low} to ${high}${unit}`;
  if (high) return `at most ${high}${unit}`;
  return low && low !== "0" ? `at least ${low}${low === "1" ? unit.replace(/s$/, "") : unit}` : undefined;
}

function limits(schema) {
  const found = resolve(schema);
  const told = [];
  if (found.enum) told.push(found.enum.map((value) => h("code", {}, value === null ? "null" : String(value))).flatMap((code, i) => (i ? [", ", code] : [code])));
  told.push(between(found.minLength, found.maxLength, found.format === "binary" ? " bytes" : " characters"));
  told.push(between(found.minimum, found.maximum, ""));
  told.push(between(found.minItems, found.maxItems, " members"));
  told.push(between(found.minProperties, found.maxProperties, " keys"));
  if (found.default !== undefined) told.push(["default ", h("code", {}, JSON.stringify(found.default))]);
  if (found.pattern && found.pattern !== NO_NUL && !found.description) told.push(["matches ", h("code", {}, found.pattern)]);
  const parts = told.filter((part) => part !== undefined);
  return parts.flatMap((part, i) => (i ? [" · ", part].flat() : [part].flat()));
}

function field(name, schema, needed, seen) {
  const found = resolve(schema);
  const below = members(schema, seen);
  return h(
    "div",
    {},
    h("dt", {}, h("span", { class: "name" }, name), needed ? h("span", { class: "needed" }, "required") : ""),
    h(
      "dd",
      {},
      h("span", {}, typeOf(schema)),
      " ",
      h("span", { class: "limits" }, limits(schema)),
      found.description && !below ? h("p", { class: "quiet" }, prose(found.description)) : "",
      below ? h("details", { class: "more" }, h("summary", {}, `Keys of ${name}`), below) : "",
    ),
  );
}

// What lies below a schema: the keys of an object or of an array's members; undefined when there is nothing to say.
function members(schema, seen = []) {
  const name = nameOf(schema);
  if (name === "JsonValue" || seen.includes(name)) return undefined;
  const found = resolve(schema);
  const deeper = name ? [...seen, name] : seen;
  if (found.type === "array") return members(found.items, deeper);
  if (found.properties) return fields(found, deeper);
  if (found.anyOf) {
    const kinds = found.anyOf.map((each) => members(each, deeper));
    if (kinds.every((kind) => kind === undefined)) return undefined;
    return h("div", {}, kinds.flatMap((kind, i) => (kind ? [i ? h("p", { class: "quiet" }, "or") : "", kind] : [])));
  }
  if (found.additionalProperties?.$ref || found.additionalProperties?.type) return members(found.additionalProperties, deeper);
  return undefined;
}

function fields(schema, seen) {
  const needed = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties).map(([name, child]) => field(name, child, needed.has(name), seen));
  const open = schema.additionalProperties && nameOf(schema.additionalProperties) === "JsonValue";
  if (open) rows.push(h("div", {}, h("dt", {}, h("span", { class: "quiet" }, "any other key")), h("dd", {}, "any JSON, kept as it is")));
  return h("dl", { class: "fields" }, rows);
}

function shown(schema) {
  const found = resolve(schema);
  const below = members(schema);
  const told = found.description && nameOf(schema) ? h("p", { class: "quiet" }, prose(found.description)) : "";
  if (below) return [told, found.type === "array" ? h("p", {}, "An array, each member:") : "", below];
  return [h("p", {}, typeOf(schema), " ", h("span", { class: "limits" }, limits(schema))), told];
}

// One operation

function parameters(list) {
  const rows = list.map(resolve).map((each) => {
    const row = field(each.name, each.schema, each.required, []);
    const told = each.description && each.description !== resolve(each.schema).description;
    if (told) row.lastChild.append(h("p", { class: "quiet" }, prose(each.description)));
    return row;
  });
  return h("dl", { class: "fields" }, rows);
}

function section(title, list) {
  return list.length ? [h("h3", {}, title), parameters(list)] : [];
}

function answers(operation) {
  const rows = Object.entries(operation.responses).map(([status, given]) => {
    const response = resolve(given);
    const content = Object.entries(response.content ?? {});
    const [, media] = content[0] ?? [];
    const isGood = status < "400" && media?.schema;
    const kinds = content.filter(([type]) => type !== "application/json").map(([type]) => type);
    const headers = Object.keys(response.headers ?? {}).filter((name) => name !== "X-Request-Id");
    return h(
      "div",
      {},
      h("dt", {}, h("span", { class: "name" }, status)),
      h(
        "dd",
        {},
        prose(response.description),
        kinds.length ? h("p", { class: "quiet" }, kinds.join(", ")) : "",
        headers.length ? h("p", { class: "quiet" }, "Headers: ", headers.join(", ")) : "",
        isGood ? h("details", { class: "more" }, h("summary", {}, `The answer: ${typeOf(media.schema)}`), shown(media.schema)) : "",
      ),
    );
  });
  return [h("h3", {}, "Answers"), h("dl", { class: "fields" }, rows)];
}

function body(operation) {
  if (!operation.requestBody) return [];
  const [[type, media]] = Object.entries(operation.requestBody.content);
  const title = h("h3", {}, "Body ", h("span", { class: "quiet" }, type, operation.requestBody.required ? "" : ", may be left out"));
  return [title, ...[shown(media.schema)].flat()];
}

// curl

const quoted = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

function address(path, list) {
  const where = { path: (name) => typed.get(name) || `{${name}}`, query: (name) => typed.get(name) };
  const filled = path.replaceAll(/\{([^}]+)\}/g, (_, name) => {
    const value = where.path(name);
    return value === `{${name}}` ? value : value.split("/").map(encodeURIComponent).join("/");
  });
  const pairs = list.filter((each) => each.in === "query" && where.query(each.name));
  const query = pairs.map((each) => `${encodeURIComponent(each.name)}=${encodeURIComponent(where.query(each.name))}`);
  const prefix = location.pathname.startsWith("/zone/") ? filled.replace(/^\/api(?=\/|$)/, "/zone") : filled;
  return location.origin + prefix + (query.length ? `?${query.join("&")}` : "");
}

function curl(method, path, list, operation) {
  const token = document.querySelector("#token").value.trim();
  const needsToken = operation.security.length && !operation.security.some((each) => !Object.keys(each).length);
  const parts = [method === "get" ? "curl" : `curl -X ${method.toUpperCase()}`];
  if (needsToken || token) parts.push(token ? `-H ${quoted(`Authorization: Bearer ${token}`)}` : '-H "Authorization: Bearer $TOKEN"');
  const content = operation.requestBody && Object.entries(operation.requestBody.content);
  const [type, media] = content?.[0] ?? [];
  if (type === "application/json" && media.example !== undefined) parts.push("-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(media.example))}`);
  else if (type === "multipart/form-data") for (const [name, each] of Object.entries(media.schema.properties)) parts.push(`-F ${name}=${resolve(each).format === "binary" ? "@FILE" : "index.html"}`);
  else if (type && type !== "application/json") parts.push(`-H ${quoted(`Content-Type: ${type}`)}`, "--data-binary @FILE");
  parts.push(quoted(address(path, list)));
  return parts.join(" \\\n  ");
}

function attempt(method, path, list, operation, id) {
  const line = h("pre", { tabindex: "0", "aria-label": "curl line" });
  const answer = h("div", { role: "status" });
  const write = () => line.replaceChildren(curl(method, path, list, operation));
  document.addEventListener("typed", write);
  const inputs = list.filter((each) => each.in !== "header").map((each) => {
    const schema = resolve(each.schema);
    const set = (event) => { typed.set(each.name, event.target.value); document.dispatchEvent(new Event("typed")); };
    const options = schema.type === "boolean" ? ["true", "false"] : schema.enum;
    const attributes = { id: `${id}-${each.name}`, "data-name": each.name, oninput: set, autocomplete: "off", spellcheck: "false" };
    const input = options
      ? h("select", attributes, h("option", { value: "" }, "—"), options.map((each) => h("option", {}, String(each))))
      : h("input", { ...attributes, placeholder: each.example ?? (schema.default === undefined ? "" : String(schema.default)) });
    input.value = typed.get(each.name) ?? "";
    return h("label", {}, each.name, input);
  });
  const copy = h("button", { type: "button", onclick: async () => { await navigator.clipboard.writeText(line.textContent); copy.textContent = "Copied"; setTimeout(() => { copy.textContent = "Copy"; }, 1500); } }, "Copy");
  const run = method === "get" ? h("button", { type: "button", class: "main", onclick: () => send(address(path, list), answer) }, "Send") : "";
  write();
  return [h("h3", {}, "Try it"), h("div", { class: "try" }, inputs.length ? h("div", { class: "inputs" }, inputs) : "", line, h("div", { class: "buttons" }, copy, run), answer)];
}

async function send(url, answer) {
  if (/\{[^}]+\}/.test(decodeURI(url))) return answer.replaceChildren(h("p", { class: "failed" }, "Fill in the fields above first."));
  const token = document.querySelector("#token").value.trim();
  answer.replaceChildren(h("p", { class: "quiet" }, "…"));
  try {
    const response = await fetch(url, { headers: token ? { Authorization: `Bearer ${token}` } : {}, credentials: "omit", cache: "no-store" });
    const type = response.headers.get("Content-Type") ?? "";
    let text = /json|text/.test(type) ? await response.text() : `${(await response.blob()).size} bytes of ${type}`;
    if (type.includes("json")) text = JSON.stringify(JSON.parse(text), null, 2);
    const status = h("p", { class: response.ok ? "" : "failed" }, h("strong", {}, `${response.status} ${response.statusText}`));
    answer.replaceChildren(status, h("pre", { class: "answer", tabindex: "0", "aria-label": "Answer" }, text.slice(0, LONGEST_SHOWN)));
  } catch (error) {
    answer.replaceChildren(h("p", { class: "failed" }, `No answer: ${error.message}`));
  }
}

function operationNode(path, method, operation, shared) {
  const id = operation.operationId;
  const list = [...shared, ...operation.parameters].map(resolve);
  const node = h(
    "details",
    { class: "operation", id },
    h(
      "summary",
      {},
      h("span", { class: `method ${method}` }, method.toUpperCase()),
      h("span", { class: "path" }, path),
      h("span", { class: "what" }, prose(operation.summary)),
    ),
  );
  node.addEventListener("toggle", () => {
    if (!node.open || node.children.length > 1) return;
    const of = (place) => list.filter((each) => each.in === place);
    node.append(
      h("div", { class: "inside" }, h("p", {}, prose(operation.description)),
        ...section("Path", of("path")), ...section("Query", of("query")), ...body(operation),
        ...attempt(method, path, list, operation, id), ...answers(operation), ...section("Headers", of("header"))),
    );
  });
  return node;
}

// The page

function build() {
  const listed = Object.entries(api.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, operation: item[method], shared: item.parameters ?? [] })));
  document.querySelector("#version").textContent = api.info.version;
  document.querySelector("#about").append(...api.info.description.trim().split("\n\n").map((text) => h("p", {}, prose(text.replaceAll("\n", " ")))));
  const index = document.querySelector("#index");
  for (const tag of api.tags) {
    const mine = listed.filter((each) => each.operation.tags[0] === tag.name);
    const nodes = mine.map((each) => operationNode(each.path, each.method, each.operation, each.shared));
    const links = mine.map(({ path, method, operation }) =>
      h("li", {}, h("a", { href: `#${operation.operationId}`, title: `${method.toUpperCase()} ${path}` },
        h("span", { class: `method ${method}` }, method.toUpperCase()), h("span", {}, prose(operation.summary)))));
    const group = h("section", {}, h("h2", { id: `tag-${tag.name}` }, tag.name), h("p", {}, tag.description), nodes);
    const menu = h("section", {}, h("h2", {}, tag.name), h("ul", {}, links));
    document.querySelector("#operations").append(group);
    index.append(menu);
    mine.forEach((each, i) => Object.assign(each, { node: nodes[i], link: links[i], group, menu }));
  }
  return listed;
}

function filter(listed, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = ({ path, method, operation }) => {
    const where = `${method} ${path} ${operation.summary} ${operation.tags[0]} ${operation["x-scope"] ?? ""}`.toLowerCase();
    return words.every((word) => where.includes(word));
  };
  let found = 0;
  for (const each of listed) {
    const isMatch = matches(each);
    each.node.hidden = each.link.hidden = !isMatch;
    found += isMatch;
  }
  for (const each of listed) each.group.hidden = each.menu.hidden = !listed.some((other) => other.group === each.group && !other.node.hidden);
  document.querySelector("#found").textContent = words.length ? `${found} of ${listed.length} operations` : `${listed.length} operations`;
}

function open() {
  const node = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!node) return;
  if (node.matches("details")) { node.hidden = false; node.open = true; }
  node.scrollIntoView({ block: "start" });
}

async function main() {
  const response = await fetch("openapi.json");
  if (!response.ok) throw new Error(`openapi.json answered ${response.status}`);
  api = await response.json();
  const listed = build();
  const box = document.querySelector("#filter");
  box.addEventListener("input", () => filter(listed, box.value));
  filter(listed, "");
  document.querySelector("#token-form").addEventListener("submit", (event) => event.preventDefault());
  document.querySelector("#token").addEventListener("input", () => document.dispatchEvent(new Event("typed")));
  document.addEventListener("typed", () => {
    for (const input of document.querySelectorAll("[data-name]")) if (input !== document.activeElement) input.value = typed.get(input.dataset.name) ?? "";
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.matches("input, select, textarea")) { event.preventDefault(); box.focus(); }
  });
  addEventListener("hashchange", open);
  open();
}

main().catch((error) => document.querySelector("#about").append(h("p", { class: "failed" }, `The document could not be read: ${error.message}`)));
