// A real OpenID Connect provider for the tests: node provider.js PORT REDIRECT_URI ACCOUNTS_JSON
// Anyone signs in by name, with any password; claims are those that HMPPS Auth would give.
import { Provider } from "oidc-provider";

const [port, redirect, accounts] = process.argv.slice(2);
const known = JSON.parse(accounts);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: "rosh-triage",
    client_secret: "a-secret-of-the-tests-alone",
    redirect_uris: [redirect],
    grant_types: ["authorization_code"],
    response_types: ["code"],
    token_endpoint_auth_method: "client_secret_basic",
  }],
  claims: { openid: ["sub", "user_name", "authorities"] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  cookies: { keys: ["only-for-tests"] },
  ttl: { Session: 600, Grant: 600, Interaction: 600, AccessToken: 600, IdToken: 600 },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, user_name: id, authorities: known[id] ?? [] }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
