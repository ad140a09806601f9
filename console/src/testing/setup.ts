import { cleanup, configure } from '@testing-library/react';
import { afterEach, beforeEach, expect, vi } from 'vitest';

// Days begin and end where the person is: one place for all tests, with summer time.
process.env.TZ = 'Europe/Rome';

// What is not found is said in a line, without the whole document.
configure({ getElementError: (message) => new Error(message?.split('\n')[0]) });

// Updates are to be waited for: by a find, or by a click of the person.
Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

let complaints: unknown[][] = [];

beforeEach(() => {
  complaints = [];
  for (const loud of ['error', 'warn'] as const) {
    vi.spyOn(console, loud).mockImplementation((...said) => void complaints.push(said));
  }
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  window.localStorage.clear();
  // A text without its argument, a key twice, an update outside of act: React and react-intl say so only here.
  expect(complaints).toEqual([]);
});
