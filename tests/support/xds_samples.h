/* XDS metadata for tests: a submission written out by hand, and the test kit's files. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "hub/data/xml.h"
#include "xds/rim.h"

#define SAMPLE_NS "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"

/* One document with all its attributes, a folder, a submission set and their associations: a valid
 * ITI-42 submission. */
static const char sample_text[] =
    "<rim:RegistryObjectList xmlns:rim='" SAMPLE_NS "'>"
    "<rim:ExtrinsicObject id='Document01' mimeType='text/xml' home='urn:oid:1.2.3.4'"
    " objectType='urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1'>"
    "<rim:Slot "
    "name='creationTime'><rim:ValueList><rim:Value>20261122</rim:Value></rim:ValueList></rim:Slot>"
    "<rim:Slot "
    "name='hash'><rim:ValueList><rim:Value>ad18814418693512b767676006a21d8ec7291e84</rim:Value></"
    "rim:ValueList></rim:Slot>"
    "<rim:Slot "
    "name='languageCode'><rim:ValueList><rim:Value>en-us</rim:Value></rim:ValueList></rim:Slot>"
    "<rim:Slot "
    "name='legalAuthenticator'><rim:ValueList><rim:Value>^Welby^Marcus^^^Dr^MD</rim:Value></"
    "rim:ValueList></rim:Slot>"
    "<rim:Slot "
    "name='repositoryUniqueId'><rim:ValueList><rim:Value>1.19.6.24.109.42.1</rim:Value></"
    "rim:ValueList></rim:Slot>"
    "<rim:Slot "
    "name='serviceStartTime'><rim:ValueList><rim:Value>202611220800</rim:Value></rim:ValueList></"
    "rim:Slot>"
    "<rim:Slot "
    "name='serviceStopTime'><rim:ValueList><rim:Value>202611220801</rim:Value></rim:ValueList></"
    "rim:Slot>"
    "<rim:Slot name='size'><rim:ValueList><rim:Value>747</rim:Value></rim:ValueList></rim:Slot>"
    "<rim:Slot "
    "name='sourcePatientId'><rim:ValueList><rim:Value>89765a87b^^^&amp;1.3.4.5&amp;ISO</"
    "rim:Value></"
    "rim:ValueList></rim:Slot>"
    "<rim:Slot "
    "name='sourcePatientInfo'><rim:ValueList><rim:Value>PID-3|89765a87b^^^&amp;1.3.4.5&amp;ISO</"
    "rim:Value>"
    "<rim:Value>PID-5|Doe^John^^^</rim:Value></rim:ValueList></rim:Slot>"
    "<rim:Slot name='urn:ihe:iti:xds:2013:referenceIdList'><rim:ValueList>"
    "<rim:Value>acc1^^^&amp;1.2.3.9&amp;ISO^urn:ihe:iti:xds:2013:accession</rim:Value>"
    "<rim:Value>ord1^^^&amp;1.2.3.9&amp;ISO^urn:ihe:iti:xds:2013:order</rim:Value></"
    "rim:ValueList></rim:Slot>"
    "<rim:Slot name='urn:example:weight' "
    "slotType='urn:example:number'><rim:ValueList><rim:Value>3</rim:Value><rim:Value>4 &lt; "
    "5</rim:Value></rim:ValueList></rim:Slot>"
    "<rim:Name><rim:LocalizedString xml:lang='en-us' charset='UTF-8' value='Physical &amp; more'/>"
    "<rim:LocalizedString xml:lang='fr' value='Ex\xc3\xa9"
    "cution'/></rim:Name>"
    "<rim:Description><rim:LocalizedString value='A comment'/></rim:Description>"
    "<rim:Classification id='c1' "
    "classificationScheme='urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d' "
    "classifiedObject='Document01' nodeRepresentation=''>"
    "<rim:Slot "
    "name='authorPerson'><rim:ValueList><rim:Value>^Smitty^Gerald^^^</rim:Value></rim:ValueList></"
    "rim:Slot>"
    "<rim:Slot name='authorInstitution'><rim:ValueList><rim:Value>Cleveland "
    "Clinic</rim:Value><rim:Value>Parma^^^^^&amp;1.2.3.9.1789&amp;ISO^^^^45</rim:Value></"
    "rim:ValueList></rim:Slot>"
    "<rim:Slot "
    "name='authorRole'><rim:ValueList><rim:Value>Attending</rim:Value></rim:ValueList></rim:Slot></"
    "rim:Classification>"
    "<rim:Classification id='c2' "
    "classificationScheme='urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d' "
    "classifiedObject='Document01' nodeRepresentation=''>"
    "<rim:Slot "
    "name='authorPerson'><rim:ValueList><rim:Value>^Dopplemeyer^Sherry^^^</rim:Value></"
    "rim:ValueList></rim:Slot></rim:Classification>"
    "<rim:Classification id='c3' "
    "classificationScheme='urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a' "
    "classifiedObject='Document01' nodeRepresentation='History'>"
    "<rim:Slot "
    "name='codingScheme'><rim:ValueList><rim:Value>1.2.3.1</rim:Value></rim:ValueList></rim:Slot>"
    "<rim:Name><rim:LocalizedString value='History'/><rim:LocalizedString xml:lang='de' "
    "value='Vorgeschichte'/></rim:Name></rim:Classification>"
    "<rim:Classification id='c4' "
    "classificationScheme='urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f' "
    "classifiedObject='Document01' nodeRepresentation='N'>"
    "<rim:Slot "
    "name='codingScheme'><rim:ValueList><rim:Value>2.16.840.1.113883.5.25</rim:Value></"
    "rim:ValueList></rim:Slot><rim:Name><rim:LocalizedString "
    "value='Normal'/></rim:Name></rim:Classification>"
    "<rim:Classification id='c5' "
    "classificationScheme='urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f' "
    "classifiedObject='Document01' nodeRepresentation='PSY'>"
    "<rim:Slot "
    "name='codingScheme'><rim:ValueList><rim:Value>2.16.840.1.113883.5.4</rim:Value></"
    "rim:ValueList></rim:Slot><rim:Name><rim:LocalizedString "
    "value='Psychiatry'/></rim:Name></rim:Classification>"
    "<rim:Classification id='c6' "
    "classificationScheme='urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4' "
    "classifiedObject='Document01' nodeRepresentation='T-D4909'>"
    "<rim:Slot "
    "name='codingScheme'><rim:ValueList><rim:Value>SRT</rim:Value></rim:ValueList></rim:Slot></"
    "rim:Classification>"
    "<rim:Classification id='c7' "
    "classificationScheme='urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d' "
    "classifiedObject='Document01' nodeRepresentation='CDAR2/IHE 1.0'>"
    "<rim:Slot "
    "name='codingScheme'><rim:ValueList><rim:Value>1.2.3.2</rim:Value></rim:ValueList></"
    "rim:Slot><rim:Name><rim:LocalizedString value='CDA'/></rim:Name></rim:Classification>"
    "<rim:Classification id='c8' "
    "classificationScheme='urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1' "
    "classifiedObject='Document01' nodeRepresentation='Outpatient'>"
    "<rim:Slot "
    "name='codingScheme'><rim:ValueList><rim:Value>1.2.3.3</rim:Value></rim:ValueList></"
    "rim:Slot><rim:Name><rim:LocalizedString value='Outpatient'/></rim:Name></rim:Classification>"
    "<rim:Classification id='c9' "
    "classificationScheme='urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead' "
    "classifiedObject='Document01' nodeRepresentation='General Medicine'>"
    "<rim:Slot "
    "name='codingScheme'><rim:ValueList><rim:Value>1.2.3.4</rim:Value></rim:ValueList></"
    "rim:Slot><rim:Name><rim:LocalizedString value='General "
    "Medicine'/></rim:Name></rim:Classification>"
    "<rim:Classification id='c10' "
    "classificationScheme='urn:uuid:f0306f51-975f-434e-a61c-c59651d33983' "
    "classifiedObject='Document01' nodeRepresentation='34108-1'>"
    "<rim:Slot "
    "name='codingScheme'><rim:ValueList><rim:Value>2.16.840.1.113883.6.1</rim:Value></"
    "rim:ValueList></rim:Slot><rim:Name><rim:LocalizedString value='Outpatient Evaluation And "
    "Management'/></rim:Name></rim:Classification>"
    "<rim:ExternalIdentifier id='e1' registryObject='Document01' "
    "identificationScheme='urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427' "
    "value='P1^^^&amp;1.3.6.1.4.1.21367.13.20.1000&amp;ISO'/>"
    "<rim:ExternalIdentifier id='e2' registryObject='Document01' "
    "identificationScheme='urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab' value='1.2.42.2026.1'/>"
    "</rim:ExtrinsicObject>"
    "<rim:RegistryPackage id='Set01'>"
    "<rim:Slot "
    "name='submissionTime'><rim:ValueList><rim:Value>20261122150000</rim:Value></rim:ValueList></"
    "rim:Slot>"
    "<rim:Slot name='intendedRecipient'><rim:ValueList><rim:Value>Some "
    "Hospital^^^^^^^^^1.2.3.9.1789.45|^Wel^Marcus^^^Dr^MD</rim:Value></rim:ValueList></rim:Slot>"
    "<rim:Name><rim:LocalizedString value='Set'/></rim:Name>"
    "<rim:Classification id='s1' classifiedObject='Set01' "
    "classificationNode='urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd'/>"
    "<rim:Classification id='s2' "
    "classificationScheme='urn:uuid:aa543740-bdda-424e-8c96-df4873be8500' classifiedObject='Set01' "
    "nodeRepresentation='History and Physical'>"
    "<rim:Slot "
    "name='codingScheme'><rim:ValueList><rim:Value>1.2.3.5</rim:Value></rim:ValueList></rim:Slot></"
    "rim:Classification>"
    "<rim:ExternalIdentifier id='s3' registryObject='Set01' "
    "identificationScheme='urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8' value='1.2.42.2026.2'/>"
    "<rim:ExternalIdentifier id='s4' registryObject='Set01' "
    "identificationScheme='urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832' "
    "value='1.3.6.1.4.1.21367.4'/>"
    "<rim:ExternalIdentifier id='s5' registryObject='Set01' "
    "identificationScheme='urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446' "
    "value='P1^^^&amp;1.3.6.1.4.1.21367.13.20.1000&amp;ISO'/>"
    "</rim:RegistryPackage>"
    "<rim:RegistryPackage id='Folder01'>"
    "<rim:Name><rim:LocalizedString value='Pregnancy'/></rim:Name>"
    "<rim:Classification id='f1' "
    "classificationScheme='urn:uuid:1ba97051-7806-41a8-a48b-8fce7af683c5' "
    "classifiedObject='Folder01' nodeRepresentation='Episode'>"
    "<rim:Slot "
    "name='codingScheme'><rim:ValueList><rim:Value>1.2.3.6</rim:Value></rim:ValueList></rim:Slot></"
    "rim:Classification>"
    "<rim:ExternalIdentifier id='f2' registryObject='Folder01' "
    "identificationScheme='urn:uuid:75df8f67-9973-4fbe-a900-df66cefecc5a' value='1.2.42.2026.3'/>"
    "<rim:ExternalIdentifier id='f3' registryObject='Folder01' "
    "identificationScheme='urn:uuid:f64ffdf0-4b97-4e06-b79f-a52b38ec2f8a' "
    "value='P1^^^&amp;1.3.6.1.4.1.21367.13.20.1000&amp;ISO'/>"
    "</rim:RegistryPackage>"
    "<rim:Classification id='f4' classifiedObject='Folder01' "
    "classificationNode='urn:uuid:d9d542f3-6cc4-48b6-8870-ea235fbc94c2'/>"
    "<rim:Association id='a1' "
    "associationType='urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember' "
    "sourceObject='Set01' targetObject='Document01'>"
    "<rim:Slot "
    "name='SubmissionSetStatus'><rim:ValueList><rim:Value>Original</rim:Value></rim:ValueList></"
    "rim:Slot></rim:Association>"
    "<rim:Association id='a2' "
    "associationType='urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember' "
    "sourceObject='Set01' targetObject='Folder01'/>"
    "<rim:Association id='a3' "
    "associationType='urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember' "
    "sourceObject='Folder01' targetObject='Document01'/>"
    "<rim:Association id='a4' "
    "associationType='urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember' "
    "sourceObject='Set01' targetObject='a3'/>"
    "</rim:RegistryObjectList>";

/* The first `from` in the text becomes `to`; without one the text stays as it is. */
static inline struct str sample_replace(struct arena *a, struct str text, const char *from,
                                        const char *to)
{
    ptrdiff_t at = str_find_str(text, str_from(from));
    size_t end;

    if (at < 0)
        return text;
    end = (size_t)at + strlen(from);
    return str_printf(a, "%.*s%s%.*s", (int)at, text.p, to, STR_ARG(str_slice(text, end, text.n)));
}

static inline struct str sample_submission(struct arena *a, const char *from, const char *to)
{
    struct str text = str_from(sample_text);

    return from ? sample_replace(a, text, from, to) : text;
}

/* STR_NONE when it cannot be read. */
static inline struct str sample_file(struct arena *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    struct str bytes = STR_NONE;

    if (f == NULL)
        return STR_NONE;
    if (fseek(f, 0, SEEK_END) == 0) {
        long size = ftell(f);
        char *p = arena_alloc(a, (size_t)(size < 0 ? 0 : size) + 1);

        rewind(f);
        bytes = str_of(p, fread(p, 1, (size_t)(size < 0 ? 0 : size), f));
    }
    fclose(f);
    return bytes;
}

static inline xmlNode *sample_find_list(xmlNode *n)
{
    if (xml_is(n, NULL, "RegistryObjectList") || xml_is(n, NULL, "LeafRegistryObjectList"))
        return n;
    XML_EACH(child, n, NULL, NULL)
    {
        xmlNode *found = sample_find_list(child);

        if (found)
            return found;
    }
    return NULL;
}

static inline void sample_set_attribute(xmlNode *n, const char *name, const char *prefix)
{
    struct str old = xml_attr(n, name);
    char value[256];

    if (old.n == 0 || str_starts(old, STR("urn:")))
        return;
    snprintf(value, sizeof(value), "%s%.*s", prefix, STR_ARG(old));
    xmlSetProp(n, (const xmlChar *)name, (const xmlChar *)value);
}

static inline void sample_lift(xmlNode *n, xmlNs *ns)
{
    static unsigned lifted;

    if (n->type == XML_ELEMENT_NODE)
        n->ns = ns;
    if (xml_is(n, NULL, "Association"))
        sample_set_attribute(n, "associationType",
                             str_eq(xml_attr(n, "associationType"), STR("HasMember"))
                                 ? "urn:oasis:names:tc:ebxml-regrep:AssociationType:"
                                 : "urn:ihe:iti:2007:AssociationType:");
    if (xml_is(n, NULL, "Association") && xml_attr(n, "id").n == 0) {
        char id[32];

        snprintf(id, sizeof(id), "association-%u", ++lifted);
        xmlSetProp(n, (const xmlChar *)"id", (const xmlChar *)id);
    }
    for (xmlNode *c = n->children; c; c = c->next)
        sample_lift(c, ns);
}

/* Reads XML text whose root is, or holds, a list of registry objects. ebRIM 2.1, which part of the
 * test kit is written in, is lifted to 3.0 first. NULL when it holds none. */
static inline xmlNode *sample_list(struct arena *a, struct str xml)
{
    struct errors err;
    xmlNode *root, *list;

    errors_init(&err, a);
    xml_init();
    if (xml_parse(a, xml, &XML_LIMITS, &err, &root) != OK ||
        (list = sample_find_list(root)) == NULL)
        return NULL;
    if (!str_eq(xml_ns(list), STR(SAMPLE_NS)))
        sample_lift(list, xmlNewNs(list, (const xmlChar *)SAMPLE_NS, (const xmlChar *)"lifted"));
    return list;
}
