// What Streamlit hands to the function that a component's module exports.

/** One message: called for the first one, and again for each that differs from the one before. */
export interface Component<Message> {
  data: Message;
  /** Where the component lies: the element itself, or the root of its shadow tree where its styles are isolated. */
  parentElement: HTMLElement;
  setStateValue(name: string, value: unknown): void;
  setTriggerValue(name: string, value: unknown): void;
}
