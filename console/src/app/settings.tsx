import { I18nProvider } from '@cloudscape-design/components/i18n';
import cloudscapeEn from '@cloudscape-design/components/i18n/messages/all.en';
import cloudscapeIt from '@cloudscape-design/components/i18n/messages/all.it';
import { applyMode, Mode } from '@cloudscape-design/global-styles';
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { IntlProvider } from 'react-intl';
import { en } from '../texts/en';
import { it } from '../texts/it';

export const LANGUAGES = { en: 'English', it: 'Italiano' } as const;
export type Language = keyof typeof LANGUAGES;
export type Theme = 'system' | 'light' | 'dark';

interface Chosen {
  language: Language;
  theme: Theme;
  setLanguage(language: Language): void;
  setTheme(theme: Theme): void;
}

const Context = createContext<Chosen | null>(null);

/** Returns what the person chose: language and theme, kept in this browser. */
export function useSettings(): Chosen {
  const chosen = useContext(Context);
  if (!chosen) throw new Error('outside of Settings');
  return chosen;
}

/** Gives everything inside a language and a theme. */
export function Settings({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(() => kept('language', languageOf) ?? spoken());
  const [theme, setTheme] = useState<Theme>(() => kept('theme', themeOf) ?? 'system');

  useEffect(() => {
    document.documentElement.lang = language;
    keep('language', language);
  }, [language]);

  useEffect(() => {
    keep('theme', theme);
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    const apply = () => applyMode(theme === 'dark' || (theme === 'system' && dark.matches) ? Mode.Dark : Mode.Light);
    apply();
    dark.addEventListener('change', apply);
    return () => dark.removeEventListener('change', apply);
  }, [theme]);

  const chosen = useMemo(() => ({ language, theme, setLanguage, setTheme }), [language, theme]);
  return (
    <Context value={chosen}>
      <IntlProvider locale={localeOf(language)} defaultLocale="en" messages={language === 'it' ? it : en}>
        <I18nProvider locale={language} messages={[cloudscapeEn, cloudscapeIt]}>
          {children}
        </I18nProvider>
      </IntlProvider>
    </Context>
  );
}

/** The reader's own variant of the language, for dates and numbers: en-GB rather than en. */
function localeOf(language: Language): string {
  return navigator.languages.find((l) => l === language || l.startsWith(`${language}-`)) ?? language;
}

function spoken(): Language {
  for (const l of navigator.languages) {
    const language = languageOf(l.slice(0, 2));
    if (language) return language;
  }
  return 'en';
}

function languageOf(value: string): Language | undefined {
  return value in LANGUAGES ? (value as Language) : undefined;
}

function themeOf(value: string): Theme | undefined {
  return (['system', 'light', 'dark'] as const).find((t) => t === value);
}

const PREFIX = 'counterfoil.';

function kept<T>(name: string, read: (value: string) => T | undefined): T | undefined {
  try {
    return read(localStorage.getItem(PREFIX + name) ?? '');
  } catch {
    return undefined; // a browser that keeps nothing
  }
}

function keep(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // It holds until the page is left.
  }
}
