import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createIntl, type MessageFormatElement } from 'react-intl';
import { describe, expect, test } from 'vitest';
import { en } from './en';
import { it } from './it';

const languages = { en, it } as const;
const keys = Object.keys(en) as (keyof typeof en)[];

/** A text as react-intl itself reads it. */
function parse(text: string, language: string): MessageFormatElement[] {
  const intl = createIntl({ locale: language, messages: {} });
  return intl.formatters.getMessageFormat(text, language).getAst();
}

/** The names of what is put into a text, and of its tags as <name>. */
function argumentsOf(elements: MessageFormatElement[]): string[] {
  const found = new Set<string>();
  const walk = (all: MessageFormatElement[]) => {
    for (const e of all) {
      if ('children' in e) {
        found.add(`<${e.value}>`);
        walk(e.children);
      } else if ('options' in e) {
        found.add(e.value);
        for (const option of Object.values(e.options)) walk(option.value);
      } else if (e.type !== 0 && e.type !== 7) {
        found.add(e.value);
      }
    }
  };
  walk(elements);
  return [...found].toSorted();
}

/** Our sources without texts and tests. */
function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((f) => /\.tsx?$/.test(f) && !/\.test\.|\.d\.ts$|^testing|^texts/.test(f))
    .map((f) => readFileSync(join(folder, f), 'utf8'));
}

describe('the texts', () => {
  test('have the same keys in Italian as in English', () => {
    expect(Object.keys(it).toSorted()).toEqual(keys.toSorted());
    expect(keys.length).toBeGreaterThan(100);
  });

  test('want the same arguments in Italian as in English', () => {
    const of = (texts: Record<string, string>, language: string) =>
      Object.fromEntries(keys.map((key) => [key, argumentsOf(parse(texts[key] ?? '', language))]));
    expect(of(it, 'it')).toEqual(of(en, 'en'));
  });

  test.each(['en', 'it'] as const)('are none empty, none padded, in %s', (language) => {
    expect(keys.filter((key) => languages[language][key].trim() === '')).toEqual([]);
    expect(keys.filter((key) => languages[language][key] !== languages[language][key].trim())).toEqual([]);
  });

  test.each(['en', 'it'] as const)('neither beg nor shout, in %s', (language) => {
    const loud = /!|\bplease\b|per favore|per piacere|si prega/i;
    expect(keys.filter((key) => loud.test(languages[language][key]))).toEqual([]);
  });

  test.each(['en', 'it'] as const)('know one and many in %s', (language) => {
    const intl = createIntl({ locale: language, messages: languages[language] });
    const days = (n: number) => intl.formatMessage({ id: 'expiry.days' }, { days: n });
    expect(new Set([1, 2].map((n) => days(n).replace(/\d+ /, ''))).size).toBe(2);
    expect(days(1_000_000)).toMatch(/1[.,]000[.,]000/);
  });
});

describe('the keys', () => {
  const code = sources('src').join('\n');
  // t(`view.${v}`): the rest of such a key stands somewhere as a word of its own.
  const prefixes = [...code.matchAll(/`([a-z][\w.]*\.)\$\{[^}]*\}`/g)].map(([, prefix = '']) => prefix);

  test('are each used', () => {
    const used = (key: string) => {
      // A word like "edit" may stand for something else, too: only as a text does it count.
      if (!key.includes('.')) return new RegExp(`\\b(t|rich)\\([^;]*?'${key}'`).test(code);
      if (code.includes(`'${key}'`)) return true;
      const prefix = prefixes.find((p) => key.startsWith(p));
      return prefix !== undefined && new RegExp(`'${key.slice(prefix.length)}'`).test(code);
    };
    expect(keys.filter((key) => !used(key))).toEqual([]);
    expect(used('no such key'), 'the test can fail').toBe(false);
    expect(used('view.nothing'), 'the test can fail').toBe(false);
  });

  test('made of parts are those that we know', () => {
    expect([...new Set(prefixes)].toSorted()).toEqual(['failure.', 'menu.theme.', 'status.', 'view.']);
  });
});
