import { about, type OwnObjects, ownFunctions, ownRelations } from "./own-objects.ts";
import { objectColumns } from "./statement.ts";

const signature = "format('%I(%s)', proc.proname, pg_get_function_identity_arguments(proc.oid))";

/** Queries for a schema's functions and for what calls them: triggers, rules, policies. */
export function functionObjects(own: OwnObjects): string[] {
  const relations = ownRelations(own);
  return [
    ...about(own, { catalog: "pg_proc" }, [
      `SELECT ${objectColumns({
        class: "pg_proc",
        oid: "proc.oid",
        rank: "function",
        phase: "after",
        sort: signature,
        target: `CASE proc.prokind WHEN 'a' THEN 'AGGREGATE ' WHEN 'p' THEN 'PROCEDURE ' ELSE 'FUNCTION ' END || format('%I(%s)', proc.proname,
        CASE WHEN proc.prokind = 'a' AND proc.pronargs = 0 THEN '*' ELSE pg_get_function_identity_arguments(proc.oid) END)`,
        sql: `CASE proc.prokind WHEN 'a' THEN ${AGGREGATE} ELSE rtrim(pg_get_functiondef(proc.oid), E'\\n') END`,
        qualified: `CASE WHEN proc.prokind <> 'a' THEN format('CREATE OR REPLACE %s %I.%I(', CASE proc.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
        (SELECT nspname FROM pg_namespace WHERE oid = proc.pronamespace), proc.proname) END`,
        bare: "format('CREATE %s %I(', CASE proc.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, proc.proname)",
      })} FROM ${ownFunctions(own)} AS proc`,
    ]),
    `SELECT ${objectColumns({
      class: "pg_trigger",
      oid: "trigger.oid",
      rank: "trigger",
      phase: "after",
      sort: "format('%I %I', relation.relname, trigger.tgname)",
      target: "format('TRIGGER %I ON %I', trigger.tgname, relation.relname)",
      sql: `concat_ws(E';\\n', CASE WHEN trigger.tgparentid = 0 THEN ${trigger(own)} END,
        CASE WHEN trigger.tgenabled <> coalesce(parent.tgenabled, 'O') THEN format('ALTER TABLE ONLY %I %s TRIGGER %I', relation.relname, ${enabled("trigger.tgenabled")}, trigger.tgname) END)`,
      qualified:
        "CASE WHEN trigger.tgparentid = 0 THEN format(' ON %I.%I ', (SELECT nspname FROM pg_namespace WHERE oid = relation.relnamespace), relation.relname) END",
      bare: "format(' ON %I ', relation.relname)",
    })} FROM ${relations} AS relation JOIN pg_trigger AS trigger ON trigger.tgrelid = relation.oid
      LEFT JOIN pg_trigger AS parent ON parent.oid = trigger.tgparentid
      WHERE NOT trigger.tgisinternal AND (trigger.tgparentid = 0 OR trigger.tgenabled <> parent.tgenabled)`,
    `SELECT ${objectColumns({
      class: "pg_rewrite",
      oid: "rule.oid",
      rank: "rule",
      phase: "after",
      sort: "format('%I %I', relation.relname, rule.rulename)",
      target: "format('RULE %I ON %I', rule.rulename, relation.relname)",
      sql: `concat_ws(E'\\n', pg_get_ruledef(rule.oid), CASE WHEN rule.ev_enabled <> 'O'
        THEN format('ALTER TABLE %I %s RULE %I', relation.relname, ${enabled("rule.ev_enabled")}, rule.rulename) END)`,
      qualified:
        "format(' TO %I.%I', (SELECT nspname FROM pg_namespace WHERE oid = relation.relnamespace), relation.relname)",
      bare: "format(' TO %I', relation.relname)",
    })} FROM ${relations} AS relation JOIN pg_rewrite AS rule ON rule.ev_class = relation.oid WHERE rule.rulename <> '_RETURN'`,
    `SELECT ${objectColumns({
      class: "pg_policy",
      oid: "policy.oid",
      rank: "policy",
      phase: "after",
      sort: "format('%I %I', relation.relname, policy.polname)",
      target: "format('POLICY %I ON %I', policy.polname, relation.relname)",
      sql: POLICY,
    })} FROM ${relations} AS relation JOIN pg_policy AS policy ON policy.polrelid = relation.oid`,
  ];
}

/**
 * To print a trigger, PostgreSQL looks at all functions of that name, every tenant's: 7 ms for each name among 5,000. So those
 * that need nothing else of it are put together here, in its own words.
 */
function trigger({ namespace }: OwnObjects): string {
  return `CASE WHEN trigger.tgqual IS NOT NULL OR trigger.tgconstraint <> 0 OR trigger.tgnargs > 0 THEN pg_get_triggerdef(trigger.oid)
    ELSE (SELECT concat_ws(' ', format('CREATE TRIGGER %I', trigger.tgname),
        CASE WHEN trigger.tgtype & 2 > 0 THEN 'BEFORE' WHEN trigger.tgtype & 64 > 0 THEN 'INSTEAD OF' ELSE 'AFTER' END,
        concat_ws(' OR ', CASE WHEN trigger.tgtype & 4 > 0 THEN 'INSERT' END, CASE WHEN trigger.tgtype & 8 > 0 THEN 'DELETE' END,
          CASE WHEN trigger.tgtype & 16 > 0 THEN 'UPDATE' || coalesce((SELECT ' OF ' || string_agg(quote_ident(attribute.attname), ', ' ORDER BY place)
            FROM unnest(trigger.tgattr::int2[]) WITH ORDINALITY AS watched (attnum, place) JOIN pg_attribute AS attribute
              ON attribute.attrelid = trigger.tgrelid AND attribute.attnum = watched.attnum), '') END,
          CASE WHEN trigger.tgtype & 32 > 0 THEN 'TRUNCATE' END),
        format('ON %I.%I', (SELECT nspname FROM pg_namespace WHERE oid = relation.relnamespace), relation.relname),
        CASE WHEN coalesce(trigger.tgoldtable, trigger.tgnewtable) IS NOT NULL THEN concat_ws(' ', 'REFERENCING',
          'OLD TABLE AS ' || quote_ident(trigger.tgoldtable), 'NEW TABLE AS ' || quote_ident(trigger.tgnewtable)) END,
        CASE WHEN trigger.tgtype & 1 > 0 THEN 'FOR EACH ROW' ELSE 'FOR EACH STATEMENT' END,
        format('EXECUTE FUNCTION %s%I()', CASE WHEN called.pronamespace <> ${namespace} THEN called.pronamespace::regnamespace || '.' END, called.proname))
      FROM pg_proc AS called WHERE called.oid = trigger.tgfoid) END`;
}

function enabled(state: string): string {
  return `CASE ${state} WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END`;
}

/** The tenant's role isn't named but marked: a policy for it is made by a block that looks its name up. */
export const ROLE_MARK = "tenantry_role_of_this_schema";

const POLICY = `format('CREATE POLICY %I ON %I AS %s FOR %s TO %s%s%s', policy.polname, relation.relname,
  CASE WHEN policy.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
  CASE policy.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
  (SELECT string_agg(CASE WHEN role = 0 THEN 'PUBLIC' WHEN role = relation.relowner THEN 'CURRENT_USER'
      WHEN role::regrole::text = quote_ident(current_setting('tenantry.reading_role', true)) THEN '${ROLE_MARK}' ELSE role::regrole::text END, ', ' ORDER BY role::regrole::text)
    FROM unnest(policy.polroles) AS role),
  ' USING (' || pg_get_expr(policy.polqual, policy.polrelid) || ')',
  ' WITH CHECK (' || pg_get_expr(policy.polwithcheck, policy.polrelid) || ')')`;

const AGGREGATE = `(SELECT format('CREATE AGGREGATE %I(%s) (%s)', proc.proname,
    CASE WHEN proc.pronargs = 0 THEN '*' ELSE pg_get_function_arguments(proc.oid) END,
    concat_ws(', ', 'SFUNC = ' || agg.aggtransfn, 'STYPE = ' || format_type(agg.aggtranstype, NULL),
      CASE WHEN agg.aggtransspace > 0 THEN 'SSPACE = ' || agg.aggtransspace END,
      CASE WHEN agg.aggfinalfn <> 0 THEN 'FINALFUNC = ' || agg.aggfinalfn END,
      CASE WHEN agg.aggfinalextra THEN 'FINALFUNC_EXTRA' END,
      CASE WHEN agg.aggfinalfn <> 0 THEN 'FINALFUNC_MODIFY = ' || CASE agg.aggfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END END,
      CASE WHEN agg.aggcombinefn <> 0 THEN 'COMBINEFUNC = ' || agg.aggcombinefn END,
      CASE WHEN agg.aggserialfn <> 0 THEN 'SERIALFUNC = ' || agg.aggserialfn END,
      CASE WHEN agg.aggdeserialfn <> 0 THEN 'DESERIALFUNC = ' || agg.aggdeserialfn END,
      'INITCOND = ' || quote_literal(agg.agginitval),
      CASE WHEN agg.aggmtransfn <> 0 THEN concat_ws(', ', 'MSFUNC = ' || agg.aggmtransfn, 'MINVFUNC = ' || agg.aggminvtransfn,
        'MSTYPE = ' || format_type(agg.aggmtranstype, NULL), CASE WHEN agg.aggmtransspace > 0 THEN 'MSSPACE = ' || agg.aggmtransspace END,
        CASE WHEN agg.aggmfinalfn <> 0 THEN 'MFINALFUNC = ' || agg.aggmfinalfn END, CASE WHEN agg.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END,
        CASE WHEN agg.aggmfinalfn <> 0 THEN 'MFINALFUNC_MODIFY = ' || CASE agg.aggmfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END END,
        'MINITCOND = ' || quote_literal(agg.aggminitval)) END,
      CASE WHEN agg.aggsortop <> 0 THEN format('SORTOP = OPERATOR(%I.%s)', (SELECT nspname FROM pg_namespace WHERE oid = operator.oprnamespace), operator.oprname) END,
      'PARALLEL = ' || CASE proc.proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' ELSE 'UNSAFE' END,
      CASE WHEN agg.aggkind = 'h' THEN 'HYPOTHETICAL' END))
  FROM pg_aggregate AS agg LEFT JOIN pg_operator AS operator ON operator.oid = agg.aggsortop WHERE agg.aggfnoid = proc.oid)`;
