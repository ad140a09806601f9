import { cleanup } from '@testing-library/react';
import { afterEach } from 'vitest';

// Days begin and end where the person is: one place for all tests, with summer time.
process.env.TZ = 'Europe/Rome';

afterEach(cleanup);
