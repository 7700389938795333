import { useState } from "preact/hooks";

type InputEvent = { readonly currentTarget: { readonly value: string } };

/**
 * For an input whose text stays while it is edited, whatever else is drawn anew, and is taken when it is left. What `commit` does not take
 * gives way to the value again.
 */
export function useEdited(value: string | number, commit: (text: string) => void) {
  const [text, setText] = useState<string | null>(null);
  return {
    value: text ?? value,
    onInput: ({ currentTarget }: InputEvent) => setText(currentTarget.value),
    onChange: ({ currentTarget }: InputEvent) => {
      commit(currentTarget.value);
      setText(null);
    },
  };
}
