// A tenant's look and words, set through the Management API and seen in a
// browser: its logo is loaded, its colours can be read, light and dark, on a
// narrow phone and around a theme of its own.
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { dev, newAddress } from '../client/dev.js';
import { launch, openPage } from '../client/chromium.js';
import { assertAccessible, assertFitsWidth, assertTargetsLargeEnough, shoot } from '../client/look.js';
import { submitIdentifier } from '../client/pages.js';

const browser = await launch();

// A tenant of this file's own: others look at the sample one at this moment.
const tenant = await json(await fetch(new URL('tenants', dev.inbox_url.replace(/\/?$/, '/')), { method: 'POST' }));
const { access_token: token } = await json(
  await fetch(new URL('/oauth/token', tenant.issuer), {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: tenant.management.client_id,
      client_secret: tenant.management.client_secret,
      audience: tenant.management.audience,
    }),
  }),
);
const pictures = await servePictures();

async function json(answer) {
  const text = await answer.text();
  assert.ok(answer.ok, `${answer.url} answered ${answer.status}: ${text}`);
  return text && JSON.parse(text);
}

/** One call of the Management API. */
const manage = async (method, path, body) =>
  json(
    await fetch(new URL(`/api/v2${path}`, tenant.issuer), {
      method,
      headers: { Authorization: `Bearer ${token}`, ...(body && { 'Content-Type': 'application/json' }) },
      body: body && JSON.stringify(body),
    }),
  );

/** Serves a logo from a host of its own; returns its origin. */
async function servePictures() {
  const logo =
    '<svg xmlns="http://www.w3.org/2000/svg" width="160" height="40" viewBox="0 0 160 40"><rect width="160" height="40" rx="8" fill="#0b5d3b"/>' +
    '<circle cx="20" cy="20" r="10" fill="#fff"/></svg>';
  const server = createServer(
    { cert: readFileSync(process.env.LATCHKEY_APP_CERT), key: readFileSync(process.env.LATCHKEY_APP_KEY) },
    (_, answer) => answer.writeHead(200, { 'Content-Type': 'image/svg+xml' }).end(logo),
  );
  after(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  await new Promise((resolve) => server.listen(0, 'localhost', resolve));
  return `https://localhost:${server.address().port}`;
}

function authorizeURL(more = {}) {
  const url = new URL('/authorize', tenant.issuer);
  url.search = new URLSearchParams({
    response_type: 'code', client_id: tenant.web.client_id, redirect_uri: 'http://localhost:59999/callback', scope: 'openid', state: 's', ...more,
  });
  return url.href;
}

/** The colours of what people read and press, and what lies behind them, as the browser computes them. */
const colours = (page) =>
  page.evaluate(() => {
    const behind = (e) => {
      for (; e; e = e.parentElement) {
        const { backgroundColor } = getComputedStyle(e);
        if (!/^rgba\(.*, 0\)$/.test(backgroundColor)) {
          return backgroundColor;
        }
      }
      return 'rgb(255, 255, 255)';
    };
    return Object.fromEntries(
      Object.entries({ title: 'h1', text: '.lead', label: 'label', button: 'button[data-action-button-primary]', link: '.alternate a', field: '.input' })
        .map(([name, selector]) => [name, document.querySelector(selector)])
        .filter(([, e]) => e)
        .map(([name, e]) => [name, { text: getComputedStyle(e).color, ground: behind(e) }]),
    );
  });

/** WCAG 2.2, contrast ratio. */
function contrast(a, b) {
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[\d.]+/g).slice(0, 3).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

async function look(page, name) {
  await shoot(page, name);
  await assertAccessible(page, name);
  await assertFitsWidth(page, name);
  await assertTargetsLargeEnough(page, name);
  for (const [what, { text, ground }] of Object.entries(await colours(page))) {
    assert.ok(contrast(text, ground) >= 4.5, `${name}: ${what} has a contrast of ${contrast(text, ground).toFixed(2)} (${text} on ${ground})`);
  }
}

const theme = {
  borders: {
    button_border_radius: 3, button_border_weight: 1, buttons_style: 'pill', input_border_radius: 3, input_border_weight: 1, inputs_style: 'pill',
    show_widget_shadow: true, widget_border_weight: 0, widget_corner_radius: 24,
  },
  colors: {
    body_text: '#3b2f2f', error: '#a11212', header: '#2b1d1d', icons: '#6b5b5b', input_background: '#fffaf5', input_border: '#8a7a7a',
    input_filled_text: '#2b1d1d', input_labels_placeholders: '#4a3b3b', links_focused_components: '#8a2d0c', primary_button: '#b23c12',
    primary_button_label: '#ffffff', secondary_button_border: '#c9b8b0', secondary_button_label: '#2b1d1d', success: '#0f6a3f',
    widget_background: '#fff4ec', widget_border: '#e8d6ca',
  },
  fonts: {
    body_text: { bold: false, size: 100 }, buttons_text: { bold: true, size: 100 }, input_labels: { bold: false, size: 100 },
    links: { bold: true, size: 100 }, subtitle: { bold: false, size: 100 }, title: { bold: true, size: 150 },
    font_url: '', links_style: 'underlined', reference_text_size: 16,
  },
  page_background: { background_color: '#5a1f0a', background_image_url: '', page_layout: 'left' },
  widget: { header_text_alignment: 'center', logo_height: 48, logo_position: 'center', logo_url: '', social_buttons_layout: 'bottom' },
};

test('branding, then a theme, take effect at once', async (t) => {
  const looks = { light: {}, dark: { colorScheme: 'dark' }, 'phone-320': { viewport: { width: 320, height: 568 } } };
  const walk = async (prefix) => {
    for (const [name, options] of Object.entries(looks)) {
      const page = await openPage(browser, t, options);
      const complaints = [];
      page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
      await page.goto(authorizeURL());
      const { width, src } = await page.locator('#prompt-logo-center').evaluate(async (e) => {
        await e.decode();
        return { width: e.naturalWidth, src: e.src };
      });
      assert.equal(src, `${pictures}/logo.svg`);
      assert.ok(width > 0, 'the logo is loaded: the policy lets it');
      assert.match(await page.textContent('h1'), /^Welcome to \S.* <3$/);
      await look(page, `${prefix}-${name}-identifier`);
      await submitIdentifier(page, newAddress(prefix));
      await look(page, `${prefix}-${name}-code`);
      assert.deepEqual(complaints, []);
    }
  };

  await manage('PATCH', '/branding', {
    logo_url: `${pictures}/logo.svg`,
    colors: { primary: '#ffd400', page_background: { type: 'linear-gradient', start: '#0b5d3b', end: '#9fd8b4', angle_deg: 30 } },
  });
  await manage('PUT', '/prompts/login-id/custom-text/en', { 'login-id': { title: 'Welcome to ${clientName} <3' } });
  await walk('brand');
  await manage('POST', '/branding/themes', { ...theme, widget: { ...theme.widget, logo_url: `${pictures}/logo.svg` } });
  await walk('theme');
});
