import { createHash } from 'node:crypto';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';
import { configDefaults } from 'vitest/config';

/**
 * Cloudscape ships its fonts inside its style sheet, as data: addresses. As
 * files they load only where they are used, and the content security policy
 * needs no `data:`.
 */
function fontsAsFiles(): Plugin {
  return {
    name: 'fonts-as-files',
    enforce: 'post',
    generateBundle(_, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== 'asset' || !file.fileName.endsWith('.css')) continue;
        file.source = String(file.source).replace(
          /url\(["']?data:(?:font\/woff2|application\/[\w.-]*woff2?)[^,]*;base64,([\w+/=]+)["']?\)/g,
          (_, base64: string) => {
            const source = Buffer.from(base64, 'base64');
            const fileName = `assets/font-${createHash('sha256').update(source).digest('hex').slice(0, 10)}.woff2`;
            this.emitFile({ type: 'asset', fileName, source });
            return `url(/${fileName})`;
          },
        );
      }
    },
  };
}

/** Everything that is not a page of ours is the local server's. */
const server = process.env.SERVER ?? 'http://127.0.0.1:8080';
const asked = ['/whoami', '/scopes', '/limits', '/tokens', '/admin'];

/** The API is called here, as a browser lets a page do; the sign-in where it is. */
function configOfHere(): Plugin {
  return {
    name: 'config-of-here',
    configureServer({ middlewares }) {
      middlewares.use('/config.json', (request, response) => {
        const config = {
          api: `http://${request.headers.host}`,
          issuer: `${server}/idp`,
          client_id: 'counterfoil-console',
        };
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify(config));
      });
    },
  };
}

export default defineConfig({
  plugins: [react(), fontsAsFiles(), configOfHere()],
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 2000 },
  server: {
    host: '127.0.0.1',
    port: 5173,
    strictPort: true,
    proxy: Object.fromEntries(
      asked.map((path) => [
        path,
        {
          target: server,
          changeOrigin: true,
          // A browser that opens a page asks for HTML, a page that calls the API does not.
          bypass: (request) =>
            request.method === 'GET' && !request.headers.authorization && request.headers.accept?.includes('text/html')
              ? '/index.html'
              : undefined,
        },
      ]),
    ),
  },
  test: {
    exclude: [...configDefaults.exclude, 'dist/**'],
    projects: [
      {
        extends: true,
        test: {
          name: 'rules',
          include: ['src/**/*.test.{ts,tsx}'],
          environment: 'happy-dom',
          // Setting up a document and reading Cloudscape for each file took longer than half of the tests.
          isolate: false,
          setupFiles: ['src/testing/setup.ts'],
          testTimeout: 30_000,
          server: { deps: { inline: [/@cloudscape-design/] } },
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: ['e2e/**/*.test.ts'],
          environment: 'node',
          globalSetup: ['e2e/server.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
