#include "x509/extensions.h"

#include <stdlib.h>

#include "base/reader.h"
#include "x509/oid.h"

void
cg_cert_note_defect(struct cg_cert *cert, enum cg_defect defect, struct cg_span oid)
{
    if (cert->defects == 0)
        cert->defect_where = oid;
    cert->defects |= 1u << defect;
}

bool
cg_general_name_read(struct cg_reader *reader, struct cg_general_name *out)
{
    struct cg_reader cursor = *reader, inside;
    struct cg_span contents, name;
    uint8_t tag, inner;
    unsigned number;
    bool constructed;

    if (!cg_der_any(&cursor, &tag, &contents, NULL) || (tag & 0xc0) != CG_DER_CONTEXT)
        return false;
    number = tag & 0x1fu;
    constructed = (tag & 0x20) != 0;
    if (number > CG_NAME_REGISTERED_ID)
        return false;
    /* otherName, x400Address, directoryName and ediPartyName are constructed, the others are not. */
    if (constructed !=
            (number == CG_NAME_OTHER || number == CG_NAME_X400 || number == CG_NAME_DIRECTORY ||
                    number == CG_NAME_EDI))
        return false;
    out->type = (enum cg_name_type)number;
    out->value = contents;
    if (number == CG_NAME_DIRECTORY) {
        inside = cg_reader(contents);
        if (!cg_der_any(&inside, &inner, NULL, &name) || inner != CG_DER_SEQUENCE ||
                !cg_reader_done(&inside))
            return false;
        out->value = name;
    }
    *reader = cursor;
    return true;
}

bool
cg_general_name_well_formed(const struct cg_general_name *name)
{
    struct cg_reader reader = cg_reader(name->value), inside;
    struct cg_canonical_name canonical = { 0 };
    bool bad_string = false, ok = true;
    struct cg_span oid;
    uint8_t tag;

    switch (name->type) {
    case CG_NAME_OTHER:
        return cg_der_oid(&reader, &oid) &&
                cg_der_enter(&reader, CG_DER_CONTEXT_CONSTRUCTED | 0, &inside) &&
                cg_der_any(&inside, &tag, NULL, NULL) && cg_reader_done(&inside) &&
                cg_reader_done(&reader);
    case CG_NAME_DIRECTORY:
        ok = cg_canonical_name_build(name->value, &canonical, &bad_string) && !bad_string;
        free(canonical.data);
        return ok;
    case CG_NAME_REGISTERED_ID:
        return cg_der_oid_well_formed(name->value);
    default:
        return true;
    }
}

/*
 * The CA flag. DER wants 0xff for TRUE, but mbed TLS wrote 0x01 for years and its certificates are in
 * equipment: any byte but zero counts, as for OpenSSL.
 */
static bool
read_ca_flag(struct cg_reader *reader, bool *out)
{
    struct cg_span contents;

    if (!cg_der_element(reader, CG_DER_BOOLEAN, &contents) || contents.len != 1)
        return false;
    *out = contents.data[0] != 0;
    return true;
}

static bool
read_basic_constraints(struct cg_cert *cert, struct cg_reader value)
{
    struct cg_reader inside;

    if (!cg_der_enter(&value, CG_DER_SEQUENCE, &inside) || !cg_reader_done(&value))
        return false;
    if (cg_der_next_is(&inside, CG_DER_BOOLEAN) && !read_ca_flag(&inside, &cert->ca))
        return false;
    if (!cg_reader_done(&inside)) {
        if (!cg_der_small_uint(&inside, CG_DER_INTEGER, &cert->path_len))
            return false;
        cert->has_path_len = true;
    }
    cert->has_basic_constraints = true;
    if (cert->has_path_len && !cert->ca)
        cg_cert_note_defect(cert, CG_DEFECT_PATH_LEN_WITHOUT_CA, cg_span(NULL, 0));
    return cg_reader_done(&inside);
}

static bool
read_key_usage(struct cg_cert *cert, struct cg_reader value)
{
    struct cg_span bits;
    unsigned unused;

    if (!cg_der_bit_string(&value, CG_DER_BIT_STRING, &bits, &unused) || !cg_reader_done(&value) ||
            bits.len > 2)
        return false;
    for (size_t i = 0; i < bits.len * 8; i++)
        if ((bits.data[i / 8] & (0x80u >> (i % 8))) != 0)
            cert->key_usage = (uint16_t)(cert->key_usage | 1u << i);
    cert->has_key_usage = cert->key_usage != 0;
    if (!cert->has_key_usage)
        cg_cert_note_defect(cert, CG_DEFECT_KEY_USAGE_EMPTY, cg_span(NULL, 0));
    return true;
}

static bool
read_ext_key_usage(struct cg_cert *cert, struct cg_reader value)
{
    struct cg_reader inside;
    struct cg_span oid;
    size_t count = 0;

    cert->has_eku = true;
    if (!cg_der_element(&value, CG_DER_SEQUENCE, &cert->eku_value) || !cg_reader_done(&value))
        return false;
    inside = cg_reader(cert->eku_value);
    while (!cg_reader_done(&inside)) {
        if (++count > CG_MAX_EKUS || !cg_der_oid(&inside, &oid))
            return false;
        cert->eku |= cg_oid_purpose(oid);
    }
    return count != 0;
}

static bool
read_subject_alt_name(struct cg_cert *cert, struct cg_reader value)
{
    struct cg_reader inside, counting;
    struct cg_general_name name;
    size_t count = 0;

    cert->has_san = true;
    if (!cg_der_enter(&value, CG_DER_SEQUENCE, &inside) || !cg_reader_done(&value))
        return false;
    for (counting = inside;
            cg_general_name_read(&counting, &name) && cg_general_name_well_formed(&name);)
        count++;
    if (count == 0 || !cg_reader_done(&counting))
        return false;
    if (count > CG_MAX_SAN_ENTRIES) {
        cg_cert_note_defect(cert, CG_DEFECT_TOO_MANY_NAMES, cg_span(NULL, 0));
        count = CG_MAX_SAN_ENTRIES;
    }
    cert->san = calloc(count, sizeof(*cert->san));
    if (cert->san == NULL)
        return false;
    while (cert->san_count < count && cg_general_name_read(&inside, &cert->san[cert->san_count]))
        cert->san_count++;
    return true;
}

static bool
read_subject_key_id(struct cg_cert *cert, struct cg_reader value)
{
    cert->has_subject_key_id = cg_der_element(&value, CG_DER_OCTET_STRING, &cert->subject_key_id) &&
            cg_reader_done(&value);
    return cert->has_subject_key_id;
}

/* authorityCertIssuer counts only where it is one directoryName: any other names no certificate. */
static bool
read_authority_issuer(struct cg_cert *cert, struct cg_reader names)
{
    struct cg_general_name name;
    bool bad_string = false;
    size_t count = 0;

    for (; !cg_reader_done(&names); count++)
        if (!cg_general_name_read(&names, &name) || !cg_general_name_well_formed(&name))
            return false;
    if (count != 1 || name.type != CG_NAME_DIRECTORY)
        return count != 0;
    return cg_canonical_name_build(name.value, &cert->authority_issuer, &bad_string);
}

static bool
read_authority_key_id(struct cg_cert *cert, struct cg_reader value)
{
    struct cg_reader inside, names;

    if (!cg_der_enter(&value, CG_DER_SEQUENCE, &inside) || !cg_reader_done(&value))
        return false;
    if (cg_der_next_is(&inside, CG_DER_CONTEXT | 0) &&
            !cg_der_element(&inside, CG_DER_CONTEXT | 0, &cert->authority_key_id))
        return false;
    if (cg_der_next_is(&inside, CG_DER_CONTEXT_CONSTRUCTED | 1) &&
            (!cg_der_enter(&inside, CG_DER_CONTEXT_CONSTRUCTED | 1, &names) ||
                    !read_authority_issuer(cert, names)))
        return false;
    if (cg_der_next_is(&inside, CG_DER_CONTEXT | 2) &&
            (!cg_der_element(&inside, CG_DER_CONTEXT | 2, &cert->authority_serial) ||
                    !cg_der_integer_well_formed(cert->authority_serial)))
        return false;
    return cg_reader_done(&inside);
}

static const struct {
    enum cg_extension_id id;
    enum cg_defect defect;
    bool (*read)(struct cg_cert *cert, struct cg_reader value);
} readers[] = {
    { CG_EXT_BASIC_CONSTRAINTS, CG_DEFECT_BASIC_CONSTRAINTS, read_basic_constraints },
    { CG_EXT_KEY_USAGE, CG_DEFECT_KEY_USAGE, read_key_usage },
    { CG_EXT_EXT_KEY_USAGE, CG_DEFECT_EXT_KEY_USAGE, read_ext_key_usage },
    { CG_EXT_SUBJECT_ALT_NAME, CG_DEFECT_SUBJECT_ALT_NAME, read_subject_alt_name },
    { CG_EXT_SUBJECT_KEY_ID, CG_DEFECT_SUBJECT_KEY_ID, read_subject_key_id },
    { CG_EXT_AUTHORITY_KEY_ID, CG_DEFECT_AUTHORITY_KEY_ID, read_authority_key_id },
};

static void
read_value(struct cg_cert *cert, const struct cg_extension *extension)
{
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
        if (readers[i].id == extension->id && !readers[i].read(cert, cg_reader(extension->value)))
            cg_cert_note_defect(cert, readers[i].defect, extension->oid);
}

bool
cg_extension_read(struct cg_reader *list, struct cg_extension *out)
{
    struct cg_reader inside;

    *out = (struct cg_extension) { 0 };
    if (!cg_der_enter(list, CG_DER_SEQUENCE, &inside) || !cg_der_oid(&inside, &out->oid))
        return false;
    /* DER leaves out the default FALSE, but certificates in the field write it; it changes nothing. */
    if (cg_der_next_is(&inside, CG_DER_BOOLEAN) && !cg_der_boolean(&inside, &out->critical))
        return false;
    out->id = cg_oid_extension(out->oid);
    return cg_der_element(&inside, CG_DER_OCTET_STRING, &out->value) && cg_reader_done(&inside);
}

static bool
is_duplicate(const struct cg_cert *cert, struct cg_span oid)
{
    for (size_t i = 0; i < cert->extension_count; i++)
        if (cg_span_equal(cert->extensions[i].oid, oid))
            return true;
    return false;
}

bool
cg_extensions_read(struct cg_cert *cert, struct cg_span contents)
{
    struct cg_reader outer = cg_reader(contents), list, counting;
    struct cg_extension extension;
    size_t count = 0;

    if (!cg_der_enter(&outer, CG_DER_SEQUENCE, &list) || !cg_reader_done(&outer))
        return false;
    for (counting = list; !cg_reader_done(&counting); count++)
        if (count == CG_MAX_EXTENSIONS || !cg_extension_read(&counting, &extension))
            return false;
    if (count == 0) /* not allowed (section 4.1), says nothing, harms nobody */
        return true;
    cert->extensions = calloc(count, sizeof(*cert->extensions));
    if (cert->extensions == NULL)
        return false;
    while (!cg_reader_done(&list) && cg_extension_read(&list, &extension)) {
        if (is_duplicate(cert, extension.oid))
            cg_cert_note_defect(cert, CG_DEFECT_DUPLICATE_EXTENSION, extension.oid);
        else
            read_value(cert, &extension);
        cert->extensions[cert->extension_count++] = extension;
    }
    return true;
}
