import { createServer, type ViteDevServer } from 'vite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWorld, type World } from './world';

let world: World;
let dev: ViteDevServer;
beforeAll(async () => {
  world = await createWorld();
  process.env.SERVER = world.origin;
  dev = await createServer({ mode: 'development', logLevel: 'error', server: { port: 0, strictPort: false } });
  await dev.listen();
});
afterAll(async () => {
  await dev?.close();
  await world?.end();
});

test('the console as it is written works on the API of another port', async () => {
  const baseURL = dev.resolvedUrls?.local[0]?.replace(/\/$/, '');
  const { page, signIn } = await world.visit({ baseURL });
  await signIn('alice', '/tokens/new?name=ci&scopes=notes:read');
  await page.getByRole('button', { name: 'Create token' }).click();
  await page.getByText(/^cfoil_[0-9A-Za-z]{52}$/).waitFor();
  expect(new URL(page.url()).origin).toBe(baseURL);
});
