// A person without a browser: cookies, redirects and the hosted pages' forms,
// as plain HTTP.
import { dev, readCode } from './dev.js';

export class Visitor {
  #cookies = new Map();
  #origin;

  /** A person who visits the server under test, or another of its tenants. */
  constructor(issuer = dev.issuer) {
    this.#origin = new URL(issuer).origin;
  }

  /** One request, with the cookies that a browser would send; follows nothing. */
  async fetch(url, { headers, ...init } = {}) {
    const answer = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: {
        ...headers,
        ...(this.#cookies.size && { Cookie: [...this.#cookies].map((pair) => pair.join('=')).join('; ') }),
      },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(';').map((part) => part.trim());
      const at = pair.indexOf('=');
      const expired = attributes.some((a) => {
        const [name, value] = a.split('=');
        return (/^max-age$/i.test(name) && Number(value) <= 0) || (/^expires$/i.test(name) && new Date(value) < new Date());
      });
      if (expired) {
        this.#cookies.delete(pair.slice(0, at));
      } else {
        this.#cookies.set(pair.slice(0, at), pair.slice(at + 1));
      }
    }
    return answer;
  }

  cookie(name) {
    return this.#cookies.get(name);
  }

  /**
   * Follows redirects within the server under test. Returns the first page, or
   * the address outside that the last redirect leads to.
   */
  async follow(url, init) {
    let at = new URL(url);
    let answer = await this.fetch(at, init);
    for (let hop = 0; hop < 10; hop++) {
      if (answer.status < 300 || answer.status > 399) {
        return new Page(at, answer, await answer.text());
      }
      at = new URL(answer.headers.get('location'), at);
      if (at.origin !== this.#origin) {
        return { location: at };
      }
      answer = await this.fetch(at);
    }
    throw new Error(`more than ten redirects, the last to ${at}`);
  }

  /** Submits the page's main form with these fields filled in. */
  async submit(page, fields) {
    const form = page.form();
    const body = new URLSearchParams([...form.fields.filter(([name]) => !(name in fields)), ...Object.entries(fields)]);
    return this.follow(form.action, { method: 'POST', body, headers: { Origin: page.url.origin } });
  }

  /**
   * Logs in by e-mail code through the hosted pages. Returns what comes after
   * the last of them: an address outside, or the page that answers a form_post.
   */
  async login(authorizeURL, address) {
    const identifier = await this.follow(authorizeURL);
    expectPath(identifier, '/u/login/identifier');
    const challenge = await this.submit(identifier, { username: address, action: 'default' });
    expectPath(challenge, '/u/login/passwordless-email-challenge');
    return this.submit(challenge, { code: await readCode(address), action: 'default' });
  }
}

/** An HTML answer and the form on it. */
export class Page {
  constructor(url, answer, html) {
    Object.assign(this, { url, answer, html, status: answer.status });
  }

  /** The main form: where it goes and the fields it already holds. */
  form() {
    const forms = [...this.html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)];
    const main = forms.find(([, attributes]) => attributes.includes('data-form-primary="true"')) ?? forms[0];
    if (!main) {
      throw new Error(`no form on ${this.url} (${this.status}): ${this.html.slice(0, 500)}`);
    }
    const [, attributes, content] = main;
    const fields = [...content.matchAll(/<input\b([^>]*)>/gi)]
      .map(([, a]) => [attribute(a, 'name'), attribute(a, 'value') ?? ''])
      .filter(([name]) => name);
    return { action: new URL(attribute(attributes, 'action') ?? '', this.url), fields };
  }

  /** The key of the error the page shows, such as invalid-verification-code. */
  errorCode() {
    return this.html.match(/data-error-code="([^"]+)"/)?.[1];
  }
}

export function expectPath(page, path) {
  if (page.url?.pathname !== path) {
    const got = page.url ? `${page.url} (${page.status}): ${page.html.slice(0, 800)}` : page.location;
    throw new Error(`want the page ${path}, got ${got}`);
  }
}

const entities = { amp: '&', lt: '<', gt: '>', quot: '"', '#34': '"', '#39': "'", '#43': '+', '#61': '=' };

function attribute(attributes, name) {
  const value = attributes.match(new RegExp(`(?:^|\\s)${name}\\s*=\\s*"([^"]*)"`, 'i'))?.[1];
  return value?.replace(/&(#?\w+);/g, (whole, entity) => entities[entity] ?? whole);
}
