import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Builds what the browser tests run against: the command of `make run`. The console itself was built before. */
export default function setup(): void {
  if (!existsSync('dist/index.html')) throw new Error('console/dist is missing: npm run build');
  execFileSync('go', ['build', '-o', 'dist/local', './cmd/local'], { cwd: '..', stdio: 'inherit' });
}
