import { runExample } from "../installation.ts";
import { startProvider } from "../provider.ts";
import { tellErp } from "./erp-story.ts";
import { buildErp } from "./service.ts";

/** `npm run example:erp`: a customer's ERP, from the sale over its limits to a suspension and back. */
await runExample("erp", async ({ installation, signal, say }) => {
  const provider = await startProvider(installation, signal);
  try {
    const erp = await buildErp(installation);
    try {
      return await tellErp({
        provider,
        erpUrl: await erp.listen({ host: "127.0.0.1", port: 0 }),
        signal,
        say,
      });
    } finally {
      await erp.close();
    }
  } finally {
    await provider.close();
  }
});
