import '@cloudscape-design/global-styles/index.css';
import './app/app.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/App';
import { Settings } from './app/settings';
import { Broken, Welcome } from './app/Threshold';
import { loadConfig } from './session/config';
import { Session } from './session/session';

const root = createRoot(document.getElementById('root') as HTMLElement);

function show(page: React.ReactNode): void {
  root.render(
    <StrictMode>
      <Settings>{page}</Settings>
    </StrictMode>,
  );
}

async function start(): Promise<void> {
  const config = await loadConfig();
  const session = new Session(config);
  const arrival = await session.arrive();
  switch (arrival.kind) {
    case 'signed-in':
      return show(<App config={config} session={session} />);
    case 'signed-out':
      return show(<Welcome signedOut signIn={() => session.signIn()} />);
    case 'ask':
      return show(<Welcome error={arrival.error} signIn={() => session.signIn()} />);
    case 'leaving':
      return; // the browser shows the next page soon
  }
}

// A browser keeps the page that was left whole, for Back: a value shown on it, and the
// tokens of somebody who signed out since. Nothing of it stays, and who comes back arrives anew.
window.addEventListener('pagehide', () => root.unmount());
window.addEventListener('pageshow', (event) => {
  if (event.persisted) window.location.reload();
});

start().catch((thrown: unknown) => show(<Broken why={thrown instanceof Error ? thrown.message : ''} />));
