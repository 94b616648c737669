/** A piece of HTML, as opposed to text that is yet to be escaped. */
export interface Markup {
  readonly markup: string;
}

/** What may stand in a template: text is escaped, lists follow each other, null is nothing. */
export type Content = string | number | Markup | null | readonly Content[];

/**
 * Builds HTML. Everything that is put in is text, and escaped, unless it is markup itself. What can't be seen, and would
 * break a page or turn its lines around, is spelled out.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return { markup: String.raw({ raw: strings }, ...values.map(render)) };
}

/**
 * Somebody's text: a name, a value. Its direction is its own, so that Arabic or Hebrew doesn't turn around what stands
 * beside it.
 */
export function said(text: string): Markup {
  return html`<bdi>${text}</bdi>`;
}

function render(content: Content): string {
  if (content === null) return "";
  if (typeof content === "number") return WHOLE.format(content);
  if (typeof content === "string") return escapeHtml(content);
  return "markup" in content ? content.markup : content.map(render).join("");
}

const WHOLE = new Intl.NumberFormat("en");

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return visible(text.toWellFormed()).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}

/** Controls other than line breaks and tabs; and what overrides directions or ends somebody else's isolation. */
const INVISIBLE = /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu;

function visible(text: string): string {
  return text.replace(INVISIBLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
