import type { ReactNode } from 'react';
import type { Failure } from '../api/failure';
import { FailureAlert } from '../app/FailureAlert';

interface Props {
  title: string;
  failure: Failure;
  /** What the server said of no field of the form. */
  rest: string[];
  submit(): Promise<void>;
  children?: ReactNode;
}

/** Why a form was not taken, below it; sent again by a button where that may help. */
export function Refused({ title, failure, rest, submit, children }: Props) {
  return (
    <FailureAlert title={title} thrown={failure} retry={failure.passing ? () => void submit() : undefined}>
      {rest.map((line) => (
        <div key={line} lang="en">
          {line}
        </div>
      ))}
      {children}
    </FailureAlert>
  );
}
