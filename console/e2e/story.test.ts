import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clipboard, createWorld, expectSilence, type World } from './world';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

const VALUE = /cfoil_[0-9A-Za-z]{52}/;

describe('the story', () => {
  test('a person creates a token, sees it once, uses it, rotates it and deletes it; nobody else ever learns its value', async () => {
    const visit = await world.visit();
    const { page, context } = visit;

    // Whatever leaves or reaches the browser, for the canary below.
    const sent: string[] = [];
    const answers: { url: string; body: string }[] = [];
    const reading: Promise<unknown>[] = [];
    context.on('request', (r) => sent.push(`${r.url()}\n${r.postData() ?? ''}`));
    context.on('response', (r) => {
      reading.push(
        r.text().then(
          (body) => answers.push({ url: new URL(r.url()).pathname, body }),
          () => {},
        ),
      );
    });

    await visit.signIn('alice');
    await page.getByRole('button', { name: 'Menu of Alice' }).click();
    await page.getByRole('menuitem', { name: 'Configuration' }).click();
    await page.getByRole('heading', { name: 'Personal Access Tokens' }).waitFor();
    await page.getByText('No tokens yet').waitFor();
    await page.getByRole('link', { name: 'Create token' }).first().click();

    await page.getByLabel('Name').fill('nightly build');
    await page.getByLabel(/^Description/).fill('In the build server’s secrets.');
    await page.getByRole('checkbox', { name: 'notes:read' }).check();
    expect(
      await page.getByRole('checkbox', { name: 'All of Notes' }).evaluate((box: HTMLInputElement) => box.indeterminate),
    ).toBe(true);
    await page.getByRole('button', { name: 'Create token' }).click();

    await page.getByRole('heading', { name: 'nightly build is created' }).waitFor();
    const created = VALUE.exec((await page.locator('main').textContent()) ?? '')?.[0] ?? '';
    expect(created).toMatch(VALUE);
    await page.getByRole('button', { name: 'Copy: Token value' }).click();
    await page.getByText('Copied', { exact: true }).first().waitFor();
    expect(await clipboard(visit)).toBe(created);
    await page.getByRole('button', { name: 'Copy: In a shell' }).click();
    await expect.poll(() => clipboard(visit)).toBe(` export COUNTERFOIL_TOKEN=${created}`);
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByText('The token nightly build is ready.').waitFor();

    const used = await fetch(`${world.origin}/notes`, { headers: { Authorization: `Bearer ${created}` } });
    expect(used.status).toBe(200);

    await page.getByRole('button', { name: 'Refresh' }).click();
    const row = page.getByRole('row', { name: /nightly build/ });
    await row.getByText('Active').waitFor();
    await row.getByText('Never expires').waitFor();
    await row.getByText('notes:read').waitFor();
    await row.getByRole('link', { name: 'nightly build' }).click();

    await page.getByRole('button', { name: 'Rotate' }).click();
    await page.getByRole('radio', { name: 'In 1 hour' }).check();
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
    await page.getByRole('heading', { name: 'nightly build has a new value' }).waitFor();
    const rotated = VALUE.exec((await page.locator('main').textContent()) ?? '')?.[0] ?? '';
    expect(rotated).toMatch(VALUE);
    expect(rotated).not.toBe(created);
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('heading', { name: 'You have not copied the value' }).waitFor();
    await page.getByRole('button', { name: 'Back to the value' }).click();
    await page.getByRole('button', { name: 'Copy: Token value' }).click();
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByText('Previous value works until').waitFor();
    for (const value of [created, rotated]) {
      const answer = await fetch(`${world.origin}/notes`, { headers: { Authorization: `Bearer ${value}` } });
      expect(answer.status).toBe(200);
    }

    await page.getByRole('button', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog', { name: 'Delete nightly build?' });
    await dialog.getByText(/^It was last used on .* from 127\.0\.0\.1\.$/).waitFor();
    await dialog.getByText('It stops working at once, and cannot be brought back.').waitFor();
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Cancel');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByText('The token nightly build is deleted.').waitFor();
    await page.getByText('None of your tokens is here.').waitFor();
    const refused = await fetch(`${world.origin}/notes`, { headers: { Authorization: `Bearer ${rotated}` } });
    expect(refused.status).toBe(401);

    // The canary: where the values must not be.
    await Promise.all(reading);
    for (const value of [created, rotated]) {
      const secret = value.slice(16); // what the id does not say
      expect(sent.filter((s) => s.includes(secret))).toEqual([]);
      expect(visit.logged.filter((l) => l.includes(secret))).toEqual([]);
      expect(answers.filter((a) => a.body.includes(secret))).toHaveLength(1);
      const left = await page.evaluate(async () => ({
        address: location.href,
        history: JSON.stringify(history.state),
        local: JSON.stringify(localStorage),
        session: JSON.stringify(sessionStorage),
        databases: JSON.stringify(await indexedDB.databases()),
        caches: JSON.stringify(await caches.keys()),
        timings: JSON.stringify(performance.getEntries()),
        cookies: document.cookie,
        name: window.name,
        page: new XMLSerializer().serializeToString(document),
        fields: [...document.querySelectorAll('input, textarea')].map((f) => (f as HTMLInputElement).value).join('\n'),
      }));
      for (const [where, text] of Object.entries(left)) expect(text.includes(secret), where).toBe(false);
      expect(JSON.stringify(await context.storageState()).includes(secret)).toBe(false);
    }
    const addresses = answers.filter((a) => VALUE.test(a.body)).map((a) => a.url);
    expect(addresses).toEqual(['/tokens', expect.stringMatching(/^\/tokens\/[0-9A-Za-z]{10}\/rotate$/)]);
    // Tokens of the session are in memory alone.
    const kept = JSON.stringify(await context.storageState({ indexedDB: true }));
    expect(kept).not.toMatch(/eyJ/);
    expectSilence(visit);
    await context.close();
  });

  test('with the keyboard alone', async () => {
    const visit = await world.visit();
    const { page, context } = visit;
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key);
    };
    /** Tabs on until the control with that name has the focus. */
    const tabTo = async (name: string | RegExp, key = 'Tab') => {
      for (let i = 0; i < 80; i++) {
        await press(key);
        const focused = await page.evaluate(() => {
          const el = document.activeElement as HTMLElement | null;
          const labelled = el
            ?.getAttribute('aria-labelledby')
            ?.split(' ')
            .map((id) => document.getElementById(id)?.textContent ?? '')
            .join(' ');
          const label = (el as HTMLInputElement | null)?.labels?.[0]?.textContent;
          return (el?.getAttribute('aria-label') ?? labelled ?? label ?? el?.textContent ?? '').trim();
        });
        if (typeof name === 'string' ? focused === name : name.test(focused)) return;
      }
      throw new Error(`no way by ${key} to ${name}`);
    };

    await page.goto('/');
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    await tabTo('Sign in');
    await press('Enter');
    await page.getByRole('button', { name: /bob/i }).waitFor();
    await tabTo(/bob/i);
    await press('Enter');
    await page.getByText('No tokens yet').waitFor();
    await tabTo('Menu of Bob');
    await press('Enter', 'Escape');
    await tabTo('Create token');
    await press('Enter');
    await page.getByLabel('Name').waitFor();
    await tabTo('Name');
    await page.keyboard.type('cron');
    await tabTo(/^notes:read/);
    await press('Space');
    await tabTo('Create token');
    await press('Enter');
    await page.getByRole('heading', { name: 'cron is created' }).waitFor();
    await tabTo('Copy: Token value');
    await press('Enter');
    await page.getByText('Copied', { exact: true }).first().waitFor();
    expect(await clipboard(visit)).toMatch(VALUE);
    await tabTo('Done');
    await press('Enter');
    await page.getByText('The token cron is ready.').waitFor();
    await page.getByRole('link', { name: 'cron' }).waitFor();
    // A table with many controls is one stop; arrows go on inside.
    await page.getByRole('link', { name: 'cron' }).focus();
    await press('Enter');
    await page.getByRole('button', { name: 'Delete' }).waitFor();
    await tabTo('Delete');
    await press('Enter');
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Cancel');
    await press('Escape');
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
    await tabTo('Delete');
    await press('Enter');
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Cancel');
    await tabTo('Delete');
    await press('Enter');
    await page.getByText('The token cron is deleted.').waitFor();
    expectSilence(visit);
    await context.close();
  });

  test('in Italian', async () => {
    const visit = await world.visit({ locale: 'it-IT' });
    const { page, context } = visit;
    await visit.signIn('bob');
    await page.getByRole('heading', { name: 'Token di accesso personali' }).waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('it');
    await page.getByRole('link', { name: 'Crea token' }).first().click();
    await page.getByLabel('Nome').fill('pianificazione');
    await page.getByRole('button', { name: /^Scadenza/ }).click();
    await page.getByRole('option', { name: /^30 giorni/ }).click();
    const end = new Date(Date.now() + 30 * 24 * 3600 * 1000).toLocaleDateString('it-IT', {
      dateStyle: 'long',
      timeZone: 'Europe/Rome',
    });
    await page.getByText(`Scade il ${end}.`).waitFor();
    await page.getByRole('button', { name: 'Crea token' }).click();
    await page.getByText('Scegli almeno un permesso.').waitFor();
    await page.getByRole('checkbox', { name: 'profile' }).check();
    await page.getByRole('button', { name: 'Crea token' }).click();
    await page.getByRole('heading', { name: 'pianificazione è creato' }).waitFor();
    await page.getByRole('button', { name: 'Copia: Valore del token' }).click();
    await page.getByRole('button', { name: 'Fatto' }).click();
    // The language is a choice, and it stays.
    await page.getByRole('button', { name: 'Impostazioni' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'English' }).click();
    await page.getByRole('heading', { name: 'Personal Access Tokens' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Personal Access Tokens' }).waitFor();
    expectSilence(visit);
    await context.close();
  });
});
