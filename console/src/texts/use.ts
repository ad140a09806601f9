import type { ReactNode } from 'react';
import { type IntlShape, useIntl } from 'react-intl';
import type { TextKey } from './en';

type Plain = string | number | Date;

export interface Texts {
  /** A text in the reader's language. */
  t(key: TextKey, values?: Record<string, Plain>): string;
  /** A text with parts that are more than text: <b>, <link>… */
  rich(key: TextKey, values: Record<string, Plain | ReactNode | ((chunks: ReactNode[]) => ReactNode)>): ReactNode;
  intl: IntlShape;
}

/** Returns the texts; a key that no language has does not compile. */
export function useTexts(): Texts {
  const intl = useIntl();
  return {
    t: (id, values) => intl.formatMessage({ id }, values),
    rich: (id, values) => intl.formatMessage({ id }, values as Record<string, ReactNode>),
    intl,
  };
}
