import { cleanup, configure } from '@testing-library/react';
import { afterEach, beforeEach, expect, vi } from 'vitest';

// Days begin and end where the person is: one place for all tests, with summer time.
process.env.TZ = 'Europe/Rome';

// A busy machine is slow, not wrong. What is not found is said in a line, without the whole document.
vi.setConfig({ testTimeout: 30_000 });
configure({ asyncUtilTimeout: 15_000, getElementError: (message) => new Error(message?.split('\n')[0]) });

// Updates are to be waited for: by a find, or by a click of the person.
Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

let complaints: unknown[][] = [];

beforeEach(() => {
  complaints = [];
  for (const loud of ['error', 'warn'] as const) {
    vi.spyOn(console, loud).mockImplementation((...said) => {
      if (!String(said[0]).includes('not wrapped in act')) complaints.push(said); // that is about the test alone
    });
  }
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  window.localStorage.clear();
  // A text without its argument, a key twice, a component used wrongly: it is said only here.
  expect(complaints).toEqual([]);
});
