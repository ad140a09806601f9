import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type LaunchOptions,
  type Page,
} from 'playwright-core';
import { expect } from 'vitest';

/** Where Debian and others put Chromium; CHROMIUM names another place. */
const places = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** A World is a server of its own with a browser before it. */
export interface World {
  origin: string;
  browser: Browser;
  /** A person at a browser of their own, signed in to nothing. */
  visit(options?: BrowserContextOptions): Promise<Visit>;
  /** Calls the API as that person, past the browser. */
  as(person: string, groups?: string): Promise<Caller>;
  end(): Promise<void>;
}

export interface Visit {
  context: BrowserContext;
  page: Page;
  /** Everything that the pages logged: a page of ours that logs is a mistake, and so does a policy that blocks. */
  logged: string[];
  /** Opens the console and signs in at the picker. */
  signIn(person: string, path?: string): Promise<void>;
}

export type Caller = (
  method: string,
  path: string,
  body?: unknown,
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of it, it knows
) => Promise<{ status: number; body: any }>;

export async function createWorld(options: LaunchOptions = {}): Promise<World> {
  const executablePath = places.find((p) => p && existsSync(p));
  if (!executablePath) throw new Error('Chromium is missing: install it, or name it in CHROMIUM');
  const state = mkdtempSync(join(tmpdir(), 'counterfoil-'));
  const server = spawn('dist/local', {
    cwd: '..',
    env: { ...process.env, PORT: '0', STATE: state },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const origin = await ready(server);
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], ...options });
  return {
    origin,
    browser,
    visit: (options) => visit(browser, origin, options),
    as: (person, groups) => caller(origin, person, groups),
    async end() {
      await browser.close();
      server.kill();
      await new Promise((gone) => server.once('exit', gone));
      rmSync(state, { recursive: true });
    },
  };
}

function ready(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    let complained = '';
    server.stderr?.on('data', (data) => {
      complained = (complained + data).slice(-2000);
    });
    server.stdout?.on('data', (data) => {
      said += data;
      const line = /^ready: (\S+)$/m.exec(said);
      if (line?.[1]) resolve(line[1]);
    });
    server.once('exit', () => reject(new Error(`the server ended: ${complained}`)));
  });
}

async function visit(browser: Browser, origin: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({
    baseURL: origin,
    viewport: { width: 1280, height: 900 },
    locale: 'en-GB',
    timezoneId: 'Europe/Rome',
    permissions: ['clipboard-read', 'clipboard-write'],
    reducedMotion: 'reduce',
    ...options,
  });
  context.setDefaultTimeout(20_000);
  const logged: string[] = [];
  context.on('console', (message) => {
    const { url } = message.location();
    // A browser looks for it beside every document that names no icon, as JSON cannot.
    if (!url.endsWith('/favicon.ico')) logged.push(`${message.text()} ${url}`);
  });
  context.on('weberror', (error) => logged.push(String(error.error())));
  const page = await context.newPage();
  return {
    context,
    page,
    logged,
    async signIn(person, path = '/') {
      await page.goto(path);
      await page.getByRole('button', { name: /^(Sign in|Accedi)$/ }).click();
      await page.getByRole('button', { name: new RegExp(person, 'i') }).click();
      await page.waitForURL((url) => url.pathname !== '/callback' && !url.pathname.startsWith('/idp'));
      await page.locator('#top').waitFor();
    },
  };
}

async function caller(origin: string, person: string, groups?: string): Promise<Caller> {
  const form = new URLSearchParams({ grant_type: 'password', username: person, password: person, client_id: 'tests' });
  if (groups !== undefined) form.set('groups', groups);
  const signedIn = await fetch(`${origin}/idp/token`, { method: 'POST', body: form });
  const { access_token } = (await signedIn.json()) as { access_token: string };
  return async (method, path, body) => {
    const response = await fetch(origin + path, {
      method,
      headers: { Authorization: `Bearer ${access_token}`, 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  };
}

/** Answers one route of the API with a problem, until it is undone. */
export async function refuse(page: Page, method: string, path: RegExp, status: number, code: string, more = {}) {
  let times = 0;
  const handler = async (route: import('playwright-core').Route) => {
    if (route.request().method() !== method) return route.fallback();
    times++;
    return route.fulfill({
      status,
      contentType: 'application/problem+json',
      body: JSON.stringify({ type: `urn:counterfoil:${code}`, title: code, status, code, ...more }),
    });
  };
  await page.route(path, handler);
  return { times: () => times, undo: () => page.unroute(path, handler) };
}

/** The API's own addresses, never the pages of the same name. */
export const TOKENS = /\/tokens(\?.*)?$/;

/** What stands in the person's clipboard. The console's own pages may not read it. */
export async function clipboard({ context, page }: Visit): Promise<string> {
  const reader = await context.newPage();
  await reader.goto('/.well-known/jwks.json');
  const text = await reader.evaluate(() => navigator.clipboard.readText());
  await reader.close();
  await page.bringToFront();
  return text;
}

/** Fails if a page logged anything: nothing is blocked, nothing warned, nothing printed. */
export function expectSilence(visit: Visit, allowed: RegExp = /^$/): void {
  expect(visit.logged.filter((line) => !allowed.test(line))).toEqual([]);
}

/** What the browser itself logs of an answer that a test made the server give. */
export const refusals = /^Failed to load resource: /;
