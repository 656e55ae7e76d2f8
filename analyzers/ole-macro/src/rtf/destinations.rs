//! Destinations of RTF groups (RTF 1.9.1, "Destination Control Words").

/// Purpose of the text of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Destination {
    #[default]
    Text,
    ObjectData,
    Template,
    Instruction,
    /// The name of a bookmark that begins, or ends.
    BookmarkStart,
    /// See [`Destination::BookmarkStart`].
    BookmarkEnd,
    /// A property of the document that fields can show.
    Property(&'static str),
    /// The name of a property of its own.
    PropertyName,
    /// Value of the named property.
    PropertyValue,
    /// A variable: a group with its name, and one with its value.
    Variable,
    /// A group around data that belongs to none of these.
    Ignored,
}

/// Other destinations of the specification: their text is neither text of the document nor data of an object.
const OTHERS: &str = "aftncn aftnsep aftnsepc annotation atnauthor atndate atnicn atnid atnparent atnref atntime atrfend \
    atrfstart background blipuid buptim colorschememapping colortbl comment connectname creatim datafield datastore \
    defchp defpap docfile dptxbxtext ebcend ebcstart factoidname falt fchars ffdeftext ffentrymcr ffexitmcr ffformat \
    ffhelptext ffl ffname ffstattext file filetbl fldtype fname fontemb fontfile fonttbl footer footerf footerl footerr \
    footnote formfield ftncn ftnsep ftnsepc g generator gridtbl header headerf headerl headerr hl hlfr hlloc hlsrc hsv \
    htmltag info keycode latentstyles lchars levelnumbers leveltext lfolevel linkval list listlevel listname listoverride \
    listoverridetable listpicture liststylename listtable listtext lsdlockedexcept mailmerge mhtmltag mmaddfieldname \
    mmconnectstr mmconnectstrdata mmdatasource mmheadersource mmmailsubject mmodso mmodsofilter mmodsofldmpdata \
    mmodsomappedname mmodsoname mmodsorecipdata mmodsosort mmodsosrc mmodsotable mmodsoudl mmodsoudldata \
    mmodsouniquetag mmquery nesttableprops nextfile nonesttables objalias objclass objname object objsect objtime oldcprops \
    oldpprops oldsprops oldtprops oleclsid panose password passwordhash pgp pgptbl picprop pict pn pnseclvl pntext pntxta \
    pntxtb printim private propname protend protstart protusertbl result revtbl revtim rsidtbl rxe shpinst shppict shprslt \
    shptxt sn sp staticval stylesheet sv svb tc template themedata title txe userprops wgrffmtfilter windowcaption \
    writereservation writereservhash xe xform xmlattrname xmlattrvalue xmlclose xmlname xmlnstbl xmlopen";

/// Destination of a group that begins with `word`, for fields: names and properties of the document (Information Group,
/// Bookmarks, Document Variables).
pub(super) fn named(word: &[u8]) -> Option<Destination> {
    Some(match word {
        b"bkmkstart" => Destination::BookmarkStart,
        b"bkmkend" => Destination::BookmarkEnd,
        b"title" => Destination::Property("title"),
        b"subject" => Destination::Property("subject"),
        b"author" => Destination::Property("author"),
        b"manager" => Destination::Property("manager"),
        b"company" => Destination::Property("company"),
        b"operator" => Destination::Property("lastsavedby"),
        b"category" => Destination::Property("category"),
        b"keywords" => Destination::Property("keywords"),
        b"doccomm" => Destination::Property("comments"),
        b"hlinkbase" => Destination::Property("hyperlinkbase"),
        b"propname" => Destination::PropertyName,
        b"staticval" => Destination::PropertyValue,
        b"docvar" => Destination::Variable,
        _ => return None,
    })
}

/// Whether the text of a group that begins with `word` belongs to no text and no data around it.
pub(super) fn is_destination(word: &[u8]) -> bool {
    named(word).is_some() || OTHERS.split_ascii_whitespace().any(|name| name.as_bytes() == word)
}

/// Data of pictures, fonts and the like, whose digits are not text.
pub(super) fn is_data(word: &[u8]) -> bool {
    matches!(
        word,
        b"pict"
            | b"datastore"
            | b"themedata"
            | b"colorschememapping"
            | b"blipuid"
            | b"objclass"
            | b"objname"
            | b"datafield"
            | b"fontemb"
    )
}
