import { createHash } from "node:crypto";

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { display: grid; place-items: center; min-height: 100vh; margin: 0; background: Canvas; color: CanvasText; }
main { width: min(22rem, 100vw - 2rem); }
h1 { font-size: 1.25rem; margin: 0 0 1rem; }
label { display: block; margin: .75rem 0 .25rem; }
input { box-sizing: border-box; width: 100%; padding: .5rem; font: inherit; }
button { margin-top: 1.25rem; padding: .5rem 1.25rem; font: inherit; cursor: pointer; }
[role=alert] { border-inline-start: .25rem solid #c62828; padding: .5rem .75rem; margin: 0; }
`;

/** Own markup alone, with the one style sheet above: no script, no other place, no frame. */
export const PAGE_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Tenantry</title>
<style>${STYLE}</style>
</head>
<body><main><h1>${title}</h1>
${content}
</main></body>
</html>
`;
}

/** The dashboard's login. `fault` is one of our own sentences, never what somebody typed. */
export function loginPage(fault?: string): string {
  return page(
    "Sign in",
    `${fault === undefined ? "" : `<p role="alert" id="fault">${fault}</p>`}
<form method="post" action="/admin/login"${fault === undefined ? "" : ' aria-describedby="fault"'}>
<label for="user">User</label>
<input id="user" name="user" autocomplete="username" autocapitalize="none" maxlength="100" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="128" required>
<button>Sign in</button>
</form>`,
  );
}

export function logoutPage(): string {
  return page(
    "Sign out",
    `<form method="post" action="/admin/logout"><button autofocus>Sign out</button></form>`,
  );
}
