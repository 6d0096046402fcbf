// How a page looks: screenshots for people, and what a program can tell.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const screenshots = new URL('../screenshots/', import.meta.url);
mkdirSync(screenshots, { recursive: true });

/** Leaves a picture of the whole page in test/screenshots. */
export const shoot = (page, name) => page.screenshot({ path: new URL(`${name}.png`, screenshots).pathname, fullPage: true });

/** Fails with one line per violation that axe-core finds. */
export async function assertAccessible(page, where) {
  // The pages allow no script but their own, so axe is run in a world apart.
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send('Page.getFrameTree');
  const { executionContextId } = await session.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id, worldName: 'axe' });
  const run = async (expression) => {
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
      expression, contextId: executionContextId, awaitPromise: true, returnByValue: true,
    });
    assert.equal(exceptionDetails, undefined, `${where}: ${exceptionDetails?.exception?.description}`);
    return result.value;
  };
  await run(`${axe}; 0`);
  const violations = await run(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(
       ({ id, help, nodes }) => id + ': ' + help + ': ' + nodes.map(({ html }) => html).join(' | ')))`,
  );
  await session.detach();
  assert.deepEqual(violations, [], where);
}

export async function assertFitsWidth(page, where) {
  const { content, window } = await page.evaluate(() => ({
    content: document.documentElement.scrollWidth,
    window: document.documentElement.clientWidth,
  }));
  assert.ok(content <= window, `${where}: ${content} px of content in ${window} px`);
}

/** Everything a person presses or follows is at least 24 CSS pixels each way. */
export async function assertTargetsLargeEnough(page, where) {
  const small = await page.evaluate(() =>
    [...document.querySelectorAll('button, input:not([type=hidden]), select, a:not(p a)')]
      .filter((e) => e.checkVisibility())
      .map((e) => ({ e: e.outerHTML.slice(0, 120), box: e.getBoundingClientRect() }))
      .filter(({ box }) => box.width < 24 || box.height < 24)
      .map(({ e, box }) => `${box.width}x${box.height} ${e}`),
  );
  assert.deepEqual(small, [], where);
}
