// Makes dist/: Lock and auth0.js in one file each, Lock's languages, and the licences of everything in them. Every file is
// compressed, and manifest.json says what there is: versions, languages, and the digests that pages name as `integrity`.
//
//   npm ci --ignore-scripts && npm run build
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const require = createRequire(import.meta.url);
const lock = join(here, "node_modules/auth0-lock");
// Lock asks for an auth0.js one major version behind the one that pages load alone.
const lockAuth0 = createRequire(join(lock, "package.json")).resolve("auth0-js/dist/auth0.min.js");

const inputs = new Set();
const banner = (what) => ({ js: `/* ${what}. Licences: /_/assets/licenses.txt */` });

// The files of auth0-js export as CommonJS does, while its package.json calls them modules, which would leave them without
// exports. In a namespace of their own they are what they are.
const auth0Files = {
  name: "auth0-js",
  setup(build) {
    build.onResolve({ filter: /^(auth0-js|.*\/auth0-js\/dist)(\/|$)/ }, ({ path, resolveDir }) => ({
      path: createRequire(join(resolveDir, "entry.js")).resolve(path === "auth0-js" ? "auth0-js/dist/auth0.min.js" : path),
      namespace: "auth0-js",
    }));
    build.onLoad({ filter: /./, namespace: "auth0-js" }, ({ path }) => {
      inputs.add(relative(here, path));
      return { contents: readFileSync(path) };
    });
  },
};

async function bundle(contents, what) {
  const result = await esbuild.build({
    stdin: { contents, resolveDir: here, sourcefile: "entry.js" },
    plugins: [auth0Files],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    platform: "browser",
    format: "iife",
    target: "es2018",
    charset: "ascii",
    legalComments: "none",
    banner: banner(what),
    define: { "process.env.NODE_ENV": '"production"', global: "window" },
    logLevel: "warning",
  });
  for (const input of Object.keys(result.metafile.inputs)) if (!input.startsWith("auth0-js:")) inputs.add(input);
  return result.outputFiles[0].contents;
}

const digests = {};
function write(name, contents) {
  const bytes = Buffer.from(contents);
  digests[name] = `sha384-${createHash("sha384").update(bytes).digest("base64")}`;
  const path = join(dist, `${name}.gz`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, gzipSync(bytes, { level: 9 }));
}

const version = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version;

// The package of Lock is its sources; what its authors' own browser file sets, this one sets too, and auth0 beside it.
const lockSource = `
window.Auth0Lock = require("auth0-lock/lib/index.js").default;
window.Auth0LockPasswordless = require("auth0-lock/lib/passwordless.js").default;
window.auth0 = require(${JSON.stringify(lockAuth0)});
`;
const auth0Source = `window.auth0 = require("auth0-js");`;

// Every package that can be part of a bundle: the metafile names what esbuild read, but auth0-js and some below it ship
// files that contain others already, so all that is installed for production counts.
function licences() {
  const packages = JSON.parse(readFileSync(join(here, "package-lock.json"), "utf8")).packages;
  const texts = new Map();
  const named = new Set();
  for (const [path, entry] of Object.entries(packages)) {
    const name = path.replace(/^.*node_modules\//, "");
    if (path === "" || entry.dev || !existsSync(join(here, path)) || name.startsWith("@types/")) continue;
    named.add(path);
    const text = licence(join(here, path), `${name} ${entry.version}`);
    texts.set(text, (texts.get(text) ?? new Set()).add(`${name} ${entry.version}`));
  }
  for (const input of inputs) {
    const owner = input.match(/^(?:\(disabled\):)?(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//)?.[1];
    if (owner && !named.has(owner)) throw new Error(`${input} is bundled, but its package is not one for production`);
  }
  const parts = [...texts].map(([text, names]) => [[...names].sort().join("\n"), text]).sort((a, b) => (a[0] < b[0] ? -1 : 1));
  return (
    "Lock and auth0.js, as this server gives them to browsers, contain these packages under these licences.\n" +
    parts.map(([names, text]) => `\n${"=".repeat(80)}\n${names}\n${"-".repeat(80)}\n${text}\n`).join("") +
    `\n${"=".repeat(80)}\nIn the style sheet of auth0-lock\n${"-".repeat(80)}\n` +
    "normalize.css v3.0.2 | MIT License | git.io/normalize\n" +
    "animate.css | http://daneden.me/animate | Licensed under the MIT license - http://opensource.org/licenses/MIT | Copyright (c) 2013 Daniel Eden\n"
  );
}

// licence gives a package's licence: its own file, else the chapter of its readme, else what package.json says.
function licence(folder, name) {
  const files = readdirSync(folder);
  const clean = (text) => text.replaceAll("\r\n", "\n").replace(/[ \t]+$/gm, "").trim();
  const own = files.find((f) => /^(licen[cs]e|copying)/i.test(f));
  if (own) return clean(readFileSync(join(folder, own), "utf8"));
  const readme = files.find((f) => /^readme/i.test(f));
  const chapter = readme && readFileSync(join(folder, readme), "utf8").match(/^#+\s*licen[cs]e\s*$([^]*)/im)?.[1];
  if (chapter && /permission is hereby granted/i.test(chapter)) return clean(chapter.replace(/^#+ [^]*/m, ""));
  const { license = chapter?.trim().split("\n")[0], author } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (license !== "MIT") throw new Error(`${name}: no licence text, and the licence is ${license}`);
  return clean(`Copyright (c) ${typeof author === "string" ? author : (author?.name ?? `the authors of ${name}`)}\n\n${mit}`);
}

const mit = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

// What Lock says after a wrong code, or too many tries, it looks for among the texts for passwordless logins, where no
// dictionary has it: it would say that something went wrong. Their texts for logins with passwords have the very words.
function complete(dictionary) {
  const { login, passwordless } = dictionary.error;
  const words = {
    invalid_user_password: login["lock.invalid_code"],
    blocked_user: login.blocked_user,
    too_many_requests: login.too_many_requests,
  };
  for (const [code, text] of Object.entries(words)) if (text) passwordless[code] ??= text;
  return dictionary;
}

// What an earlier build left must not be embedded.
for (const name of readdirSync(dist)) if (name !== ".gitkeep") rmSync(join(dist, name), { recursive: true });

const lockVersion = version(lock);
const auth0Version = version(join(here, "node_modules/auth0-js"));
write("lock.min.js", await bundle(lockSource, `auth0-lock ${lockVersion} with auth0-js ${version(dirname(dirname(lockAuth0)))}`));
write("auth0.min.js", await bundle(auth0Source, `auth0-js ${auth0Version}`));

const languages = [];
for (const file of readdirSync(join(lock, "lib/i18n")).sort()) {
  const language = file.replace(/\.js$/, "");
  const dictionary = complete(require(join(lock, "lib/i18n", file)).default);
  write(
    `lang/${language}.js`,
    `Auth0.registerLanguageDictionary(${JSON.stringify(language)},${JSON.stringify(dictionary)});\n`,
  );
  languages.push(language);
}
write("licenses.txt", licences());
// Written last: a build that failed half-way has no manifest, so nothing takes it for a whole one.
writeFileSync(
  join(dist, "manifest.json"),
  JSON.stringify({ lock: lockVersion, auth0js: auth0Version, languages, integrity: digests }) + "\n",
);
