#include "control/api/schemas.h"

/* clang-format off */
const struct api_schema api_schemas[] = {
    { "Object",
      "{\"type\":\"object\"}" },
    { "Error",
      "{\"type\":\"object\",\"properties\":{\"error\":{\"type\":\"object\",\"properties\":{\""
      "code\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"},\"details\":{\"type\":"
      "\"array\",\"items\":{}}},\"required\":[\"code\",\"message\",\"details\"]}},\"required"
      "\":[\"error\"]}" },
    { "Generation",
      "{\"type\":\"object\",\"properties\":{\"generation\":{\"type\":\"integer\"}},\"required"
      "\":[\"generation\"]}" },
    { "Link",
      "{\"type\":\"object\",\"properties\":{\"url\":{\"type\":\"string\"},\"until\":{\"type\""
      ":\"string\",\"format\":\"date-time\"}},\"required\":[\"url\",\"until\"]}" },
    { "Login",
      "{\"type\":\"object\",\"properties\":{\"user\":{\"type\":\"string\"},\"password\":{\"ty"
      "pe\":\"string\"}},\"required\":[\"user\",\"password\"]}" },
    { "Who",
      "{\"type\":\"object\",\"properties\":{\"user\":{\"type\":\"string\"},\"role\":{\"type\""
      ":\"string\"},\"via\":{\"type\":\"string\"},\"csrf\":{\"type\":\"string\"},\"certificat"
      "e\":{\"type\":\"string\",\"nullable\":true}},\"required\":[\"user\"]}" },
    { "Allowance",
      "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"until\":{\"type"
      "\":\"string\",\"format\":\"date-time\",\"nullable\":true}},\"required\":[\"name\",\"un"
      "til\"]}" },
    { "Class",
      "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"kind\":{\"type\""
      ":\"string\"},\"level\":{\"type\":\"string\"},\"latched\":{\"type\":\"boolean\"},\"requ"
      "ire_certificate\":{\"type\":\"boolean\"},\"allowances\":{\"type\":\"array\",\"items\":"
      "{\"$ref\":\"#/components/schemas/Allowance\"}}},\"required\":[\"name\",\"kind\",\"leve"
      "l\",\"latched\",\"require_certificate\",\"allowances\"]}" },
    { "Interface",
      "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"service\":{\"typ"
      "e\":\"string\"},\"role\":{\"type\":\"string\"},\"mode\":{\"type\":\"string\"},\"listen"
      "\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"level\":{\"type\":\"string\""
      "},\"level_from\":{\"type\":\"string\"},\"latched\":{\"type\":\"boolean\"},\"security\""
      ":{\"type\":\"string\"},\"require_certificate\":{\"type\":\"boolean\"},\"phones\":{\"ty"
      "pe\":\"boolean\"},\"live\":{\"type\":\"string\"},\"allowances\":{\"type\":\"array\",\""
      "items\":{\"$ref\":\"#/components/schemas/Allowance\"}},\"classes\":{\"type\":\"array\""
      ",\"items\":{\"$ref\":\"#/components/schemas/Class\"}},\"accepted\":{\"type\":\"integer"
      "\"},\"refused\":{\"type\":\"integer\"},\"open\":{\"type\":\"integer\"}},\"required\":["
      "\"name\",\"service\",\"role\",\"mode\",\"listen\",\"level\",\"level_from\",\"latched\""
      ",\"security\",\"require_certificate\",\"phones\",\"live\",\"allowances\",\"classes\","
      "\"accepted\",\"refused\",\"open\"]}" },
    { "Pending",
      "{\"type\":\"object\",\"properties\":{\"generation\":{\"type\":\"integer\"},\"back_to\""
      ":{\"type\":\"integer\"},\"reverts_at\":{\"type\":\"string\",\"format\":\"date-time\"}}"
      ",\"required\":[\"generation\",\"back_to\",\"reverts_at\"],\"nullable\":true}" },
    { "Status",
      "{\"type\":\"object\",\"properties\":{\"version\":{\"type\":\"string\"},\"node\":{\"typ"
      "e\":\"string\"},\"now\":{\"type\":\"string\",\"format\":\"date-time\"},\"generation\":"
      "{\"type\":\"integer\"},\"workers\":{\"type\":\"object\",\"properties\":{\"wanted\":{\""
      "type\":\"integer\"},\"running\":{\"type\":\"integer\"},\"restarts\":{\"type\":\"intege"
      "r\"}},\"required\":[\"wanted\",\"running\",\"restarts\"]},\"sandbox\":{\"type\":\"stri"
      "ng\"},\"records_lost\":{\"type\":\"integer\"},\"store\":{\"type\":\"boolean\"},\"tcs\""
      ":{\"type\":\"object\",\"properties\":{\"count\":{\"type\":\"integer\"}},\"required\":["
      "\"count\"]},\"pending\":{\"$ref\":\"#/components/schemas/Pending\"},\"interfaces\":{\""
      "type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/Interface\"}}},\"required"
      "\":[\"version\",\"node\",\"now\",\"generation\",\"workers\",\"sandbox\",\"records_lost"
      "\",\"store\",\"tcs\",\"pending\",\"interfaces\"]}" },
    { "Setting",
      "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"value\":{\"type"
      "\":\"string\"},\"is_set\":{\"type\":\"boolean\"},\"default\":{\"type\":\"string\",\"nu"
      "llable\":true},\"latched\":{\"type\":\"boolean\"},\"latchable\":{\"type\":\"boolean\"}"
      ",\"since\":{\"type\":\"integer\"},\"type\":{\"type\":\"string\"},\"values\":{\"type\":"
      "\"string\"},\"choices\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"nullable"
      "\":true},\"low\":{\"type\":\"integer\"},\"high\":{\"type\":\"integer\"},\"help\":{\"ty"
      "pe\":\"string\"},\"secret\":{\"type\":\"boolean\"}},\"required\":[\"name\",\"value\","
      "\"is_set\",\"default\",\"latched\",\"latchable\",\"since\",\"type\",\"values\",\"choic"
      "es\",\"low\",\"high\",\"help\",\"secret\"]}" },
    { "Settings",
      "{\"type\":\"object\",\"properties\":{\"generation\":{\"type\":\"integer\"},\"settings"
      "\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/Setting\"}}},\"requi"
      "red\":[\"generation\",\"settings\"]}" },
    { "History",
      "{\"type\":\"object\",\"properties\":{\"history\":{\"type\":\"array\",\"items\":{\"type"
      "\":\"object\",\"properties\":{\"generation\":{\"type\":\"integer\"},\"time\":{\"type\""
      ":\"string\",\"format\":\"date-time\"},\"actor\":{\"type\":\"string\"},\"value\":{\"typ"
      "e\":\"string\",\"nullable\":true},\"latched\":{\"type\":\"boolean\"}},\"required\":[\""
      "generation\",\"time\",\"actor\",\"value\",\"latched\"]}}},\"required\":[\"history\"]}" },
    { "Generations",
      "{\"type\":\"object\",\"properties\":{\"generations\":{\"type\":\"array\",\"items\":{\""
      "type\":\"object\",\"properties\":{\"number\":{\"type\":\"integer\"},\"time\":{\"type\""
      ":\"string\",\"format\":\"date-time\"},\"actor\":{\"type\":\"string\"},\"comment\":{\"t"
      "ype\":\"string\"},\"kind\":{\"type\":\"string\"},\"source\":{\"type\":\"integer\"},\"d"
      "igest\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{64}$\"}},\"required\":[\"number\""
      ",\"time\",\"actor\",\"comment\",\"kind\",\"source\",\"digest\"]}},\"next\":{\"type\":"
      "\"integer\",\"nullable\":true}},\"required\":[\"generations\",\"next\"]}" },
    { "Difference",
      "{\"type\":\"object\",\"properties\":{\"part\":{\"type\":\"string\"},\"name\":{\"type\""
      ":\"string\"},\"before\":{\"type\":\"string\",\"nullable\":true},\"after\":{\"type\":\""
      "string\",\"nullable\":true},\"latched_before\":{\"type\":\"boolean\"},\"latched_after"
      "\":{\"type\":\"boolean\"}},\"required\":[\"part\",\"name\",\"before\",\"after\"]}" },
    { "Diff",
      "{\"type\":\"object\",\"properties\":{\"from\":{\"type\":\"integer\"},\"to\":{\"type\":"
      "\"integer\"},\"diff\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/D"
      "ifference\"}}},\"required\":[\"from\",\"to\",\"diff\"]}" },
    { "Edit",
      "{\"type\":\"object\",\"properties\":{\"op\":{\"type\":\"string\",\"enum\":[\"set\",\"u"
      "nset\",\"import\",\"rollback\",\"tcs-add\",\"tcs-remove\",\"pin\",\"unpin\",\"identity"
      "-remove\"]},\"name\":{\"type\":\"string\"},\"value\":{},\"data\":{\"type\":\"string\"}"
      ",\"passphrase\":{\"type\":\"string\"},\"sha256\":{\"type\":\"string\"},\"incident\":{"
      "\"type\":\"string\"},\"interface\":{\"type\":\"string\"},\"until\":{\"type\":\"string"
      "\"},\"reason\":{\"type\":\"string\"},\"generation\":{\"type\":\"integer\"},\"settings"
      "\":{\"type\":\"object\"},\"from_release\":{\"type\":\"string\"}},\"required\":[\"op\"]"
      "}" },
    { "Changes",
      "{\"type\":\"object\",\"properties\":{\"edits\":{\"type\":\"array\",\"items\":{\"$ref\""
      ":\"#/components/schemas/Edit\"},\"minItems\":1},\"comment\":{\"type\":\"string\"},\"pr"
      "eview\":{\"type\":\"boolean\"},\"force\":{\"type\":\"boolean\"},\"confirm_within\":{\""
      "type\":\"integer\",\"minimum\":0,\"maximum\":86400},\"backup\":{\"type\":\"boolean\"}}"
      ",\"required\":[\"edits\"]}" },
    { "Refused",
      "{\"type\":\"object\",\"properties\":{\"interface\":{\"type\":\"string\"},\"sha256\":{"
      "\"type\":\"string\",\"pattern\":\"^[0-9a-f]{64}$\"},\"subject\":{\"type\":\"string\"},"
      "\"reason\":{\"type\":\"string\"},\"last_seen\":{\"type\":\"string\",\"format\":\"date-"
      "time\"},\"count\":{\"type\":\"integer\"},\"days_left\":{\"type\":\"integer\"}},\"requi"
      "red\":[\"interface\",\"sha256\",\"subject\",\"reason\"]}" },
    { "Commit",
      "{\"type\":\"object\",\"properties\":{\"generation\":{\"type\":\"integer\"},\"changed\""
      ":{\"type\":\"boolean\"},\"preview\":{\"type\":\"boolean\"},\"diff\":{\"type\":\"array"
      "\",\"items\":{\"$ref\":\"#/components/schemas/Difference\"}},\"latches_cleared\":{\"ty"
      "pe\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"str"
      "ing\"},\"before\":{\"type\":\"string\",\"nullable\":true},\"after\":{\"type\":\"string"
      "\",\"nullable\":true},\"begin\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}},"
      "\"required\":[\"name\",\"before\",\"after\",\"begin\"]}},\"would_refuse\":{\"type\":\""
      "object\",\"properties\":{\"total\":{\"type\":\"integer\"},\"peers\":{\"type\":\"array"
      "\",\"items\":{\"$ref\":\"#/components/schemas/Refused\"}}},\"required\":[\"total\",\"p"
      "eers\"]},\"backup\":{\"type\":\"string\"},\"confirm\":{\"type\":\"object\",\"propertie"
      "s\":{\"reverts_at\":{\"type\":\"string\",\"format\":\"date-time\"}},\"required\":[\"re"
      "verts_at\"],\"nullable\":true},\"notes\":{\"type\":\"array\",\"items\":{\"type\":\"str"
      "ing\"}}},\"required\":[\"generation\",\"changed\"]}" },
    { "TrustedCertificate",
      "{\"type\":\"object\",\"properties\":{\"sha256\":{\"type\":\"string\",\"pattern\":\"^[0"
      "-9a-f]{64}$\"},\"kind\":{\"type\":\"string\"},\"subject\":{\"type\":\"string\"},\"issu"
      "er\":{\"type\":\"string\"},\"serial\":{\"type\":\"string\"},\"key\":{\"type\":\"string"
      "\"},\"not_before\":{\"type\":\"string\",\"format\":\"date-time\"},\"not_after\":{\"typ"
      "e\":\"string\",\"format\":\"date-time\"},\"days_left\":{\"type\":\"integer\"},\"since"
      "\":{\"type\":\"integer\"},\"pem\":{\"type\":\"string\"}},\"required\":[\"sha256\",\"ki"
      "nd\",\"subject\",\"issuer\",\"serial\",\"key\",\"not_before\",\"not_after\",\"days_lef"
      "t\",\"since\"]}" },
    { "Trusted",
      "{\"type\":\"object\",\"properties\":{\"count\":{\"type\":\"integer\"},\"certificates\""
      ":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/TrustedCertificate\"}}"
      ",\"next\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{64}$\",\"nullable\":true}},\"re"
      "quired\":[\"count\",\"certificates\",\"next\"]}" },
    { "Certificates",
      "{\"type\":\"object\",\"properties\":{\"data\":{\"type\":\"string\"},\"passphrase\":{\""
      "type\":\"string\"}},\"required\":[\"data\"]}" },
    { "Inspected",
      "{\"type\":\"object\",\"properties\":{\"count\":{\"type\":\"integer\"},\"certificates\""
      ":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"sha256\":{\"type"
      "\":\"string\",\"pattern\":\"^[0-9a-f]{64}$\"},\"kind\":{\"type\":\"string\"},\"subject"
      "\":{\"type\":\"string\"},\"issuer\":{\"type\":\"string\"},\"serial\":{\"type\":\"strin"
      "g\"},\"key\":{\"type\":\"string\"},\"not_before\":{\"type\":\"string\",\"format\":\"da"
      "te-time\"},\"not_after\":{\"type\":\"string\",\"format\":\"date-time\"},\"days_left\":"
      "{\"type\":\"integer\"},\"present\":{\"type\":\"boolean\"}},\"required\":[\"sha256\",\""
      "kind\",\"subject\",\"issuer\",\"serial\",\"key\",\"not_before\",\"not_after\",\"days_l"
      "eft\",\"present\"]}}},\"required\":[\"count\",\"certificates\"]}" },
    { "Pins",
      "{\"type\":\"object\",\"properties\":{\"pins\":{\"type\":\"array\",\"items\":{\"type\":"
      "\"object\",\"properties\":{\"sha256\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{64}"
      "$\"},\"interface\":{\"type\":\"string\"},\"until\":{\"type\":\"string\",\"format\":\"d"
      "ate-time\"},\"reason\":{\"type\":\"string\"},\"incident\":{\"type\":\"string\"},\"sinc"
      "e\":{\"type\":\"integer\"}},\"required\":[\"sha256\",\"interface\",\"until\",\"reason"
      "\",\"incident\",\"since\"]}}},\"required\":[\"pins\"]}" },
    { "Identities",
      "{\"type\":\"object\",\"properties\":{\"identities\":{\"type\":\"array\",\"items\":{\"t"
      "ype\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"subject\":{\"type\":"
      "\"string\"},\"issuer\":{\"type\":\"string\"},\"sans\":{\"type\":\"array\",\"items\":{"
      "\"type\":\"string\"}},\"sha256\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{64}$\"},"
      "\"not_before\":{\"type\":\"string\"},\"not_after\":{\"type\":\"string\"},\"days_left\""
      ":{\"type\":\"integer\"},\"key\":{\"type\":\"string\"},\"key_path\":{\"type\":\"string"
      "\"},\"self_signed\":{\"type\":\"boolean\"},\"csr\":{\"type\":\"boolean\"},\"interfaces"
      "\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"chain\":{\"type\":\"array\","
      "\"items\":{\"type\":\"object\"}},\"from\":{\"type\":\"string\"}},\"required\":[\"name"
      "\",\"subject\",\"sha256\",\"key_path\",\"from\",\"csr\",\"interfaces\"]}}},\"required"
      "\":[\"identities\"]}" },
    { "IdentityWork",
      "{\"type\":\"object\",\"properties\":{\"op\":{\"type\":\"string\",\"enum\":[\"create\","
      "\"csr\",\"install\",\"import\",\"renew\"]},\"name\":{\"type\":\"string\"},\"hosts\":{"
      "\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"subject\":{\"type\":\"string\"},"
      "\"key\":{\"type\":\"string\"},\"days\":{\"type\":\"integer\"},\"certificate\":{\"type"
      "\":\"string\"},\"data\":{\"type\":\"string\"},\"passphrase\":{\"type\":\"string\"},\"n"
      "ew_key\":{\"type\":\"boolean\"}},\"required\":[\"op\",\"name\"]}" },
    { "Decisions",
      "{\"type\":\"object\",\"properties\":{\"records\":{\"type\":\"array\",\"items\":{\"type"
      "\":\"object\"}},\"next\":{\"type\":\"string\",\"nullable\":true}},\"required\":[\"reco"
      "rds\"]}" },
    { "Decision",
      "{\"type\":\"object\",\"properties\":{\"record\":{\"type\":\"object\"},\"story\":{\"typ"
      "e\":\"string\"}},\"required\":[\"record\",\"story\"]}" },
    { "Rates",
      "{\"type\":\"object\",\"properties\":{\"minute0\":{\"type\":\"integer\"},\"interfaces\""
      ":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"name\":{\"type\""
      ":\"string\"},\"accepted\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}},\"refu"
      "sed\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}},\"required\":[\"name\",\""
      "accepted\",\"refused\"]}},\"reasons\":{\"type\":\"array\",\"items\":{\"type\":\"object"
      "\",\"properties\":{\"interface\":{\"type\":\"string\"},\"reason\":{\"type\":\"string\""
      "},\"count\":{\"type\":\"integer\"}},\"required\":[\"interface\",\"reason\",\"count\"]}"
      "}},\"required\":[\"minute0\",\"interfaces\",\"reasons\"]}" },
    { "Peer",
      "{\"type\":\"object\",\"properties\":{\"interface\":{\"type\":\"string\"},\"service\":{"
      "\"type\":\"string\"},\"role\":{\"type\":\"string\"},\"sha256\":{\"type\":\"string\",\""
      "pattern\":\"^[0-9a-f]{64}$\"},\"subject\":{\"type\":\"string\"},\"issuer\":{\"type\":"
      "\"string\"},\"san\":{\"type\":\"string\"},\"peer\":{\"type\":\"string\"},\"first_seen"
      "\":{\"type\":\"string\",\"format\":\"date-time\"},\"last_seen\":{\"type\":\"string\","
      "\"format\":\"date-time\"},\"count\":{\"type\":\"integer\"},\"verdicts\":{\"type\":\"ob"
      "ject\",\"additionalProperties\":{\"type\":\"object\",\"properties\":{\"verdict\":{\"ty"
      "pe\":\"string\"},\"reason\":{\"type\":\"string\"}},\"required\":[\"verdict\",\"reason"
      "\"],\"nullable\":true}},\"not_before\":{\"type\":\"string\",\"format\":\"date-time\"},"
      "\"not_after\":{\"type\":\"string\",\"format\":\"date-time\"},\"days_left\":{\"type\":"
      "\"integer\"},\"successor\":{\"type\":\"string\",\"nullable\":true},\"level\":{\"type\""
      ":\"string\"},\"latched\":{\"type\":\"boolean\"},\"enforced\":{\"type\":\"object\",\"pr"
      "operties\":{\"verdict\":{\"type\":\"string\"},\"reason\":{\"type\":\"string\"}},\"requ"
      "ired\":[\"verdict\",\"reason\"],\"nullable\":true},\"class\":{\"type\":\"string\"}},\""
      "required\":[\"interface\",\"sha256\",\"subject\",\"first_seen\",\"last_seen\",\"count"
      "\",\"verdicts\",\"enforced\"]}" },
    { "Peers",
      "{\"type\":\"object\",\"properties\":{\"total\":{\"type\":\"integer\"},\"peers\":{\"typ"
      "e\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/Peer\"}},\"next\":{\"type\":"
      "\"integer\",\"nullable\":true}},\"required\":[\"total\",\"peers\",\"next\"]}" },
    { "Expiring",
      "{\"type\":\"object\",\"properties\":{\"tcs\":{\"type\":\"array\",\"items\":{\"type\":"
      "\"object\",\"properties\":{\"sha256\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{64}"
      "$\"},\"subject\":{\"type\":\"string\"},\"not_after\":{\"type\":\"string\",\"format\":"
      "\"date-time\"},\"days_left\":{\"type\":\"integer\"}},\"required\":[\"sha256\",\"subjec"
      "t\",\"not_after\",\"days_left\"]}},\"identities\":{\"type\":\"array\",\"items\":{\"typ"
      "e\":\"object\",\"properties\":{\"sha256\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]"
      "{64}$\"},\"subject\":{\"type\":\"string\"},\"not_after\":{\"type\":\"string\",\"format"
      "\":\"date-time\"},\"days_left\":{\"type\":\"integer\"},\"name\":{\"type\":\"string\"}}"
      ",\"required\":[\"sha256\",\"subject\",\"not_after\",\"days_left\",\"name\"]}},\"peers"
      "\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"sha256\":{\"ty"
      "pe\":\"string\",\"pattern\":\"^[0-9a-f]{64}$\"},\"subject\":{\"type\":\"string\"},\"no"
      "t_after\":{\"type\":\"string\",\"format\":\"date-time\"},\"days_left\":{\"type\":\"int"
      "eger\"},\"interface\":{\"type\":\"string\"}},\"required\":[\"sha256\",\"subject\",\"no"
      "t_after\",\"days_left\",\"interface\"]}}},\"required\":[\"tcs\",\"identities\",\"peers"
      "\"]}" },
    { "Audit",
      "{\"type\":\"object\",\"properties\":{\"rows\":{\"type\":\"array\",\"items\":{\"type\":"
      "\"object\",\"properties\":{\"number\":{\"type\":\"integer\"},\"time\":{\"type\":\"stri"
      "ng\",\"format\":\"date-time\"},\"actor\":{\"type\":\"string\"},\"action\":{\"type\":\""
      "string\"},\"generation\":{\"type\":\"integer\"},\"detail\":{\"type\":\"object\"},\"has"
      "h\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{64}$\"}},\"required\":[\"number\",\"t"
      "ime\",\"actor\",\"action\",\"generation\",\"detail\",\"hash\"]}},\"next\":{\"type\":\""
      "integer\",\"nullable\":true}},\"required\":[\"rows\",\"next\"]}" },
    { "Verified",
      "{\"type\":\"object\",\"properties\":{\"ok\":{\"type\":\"boolean\"},\"broken\":{\"type"
      "\":\"integer\",\"nullable\":true},\"message\":{\"type\":\"string\"}},\"required\":[\"o"
      "k\",\"broken\",\"message\"]}" },
    { "Backup",
      "{\"type\":\"object\",\"properties\":{\"passphrase\":{\"type\":\"string\"}}}" },
};
/* clang-format on */
const size_t api_schema_count = sizeof(api_schemas) / sizeof(api_schemas[0]);
