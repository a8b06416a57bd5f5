// Package cfn is the template model: resources are goformation's own structs, everything round them is ours.
//
// goformation's service packages give the resource types and the compiler checks field names and Go types. Its root
// package is never imported, nor its intrinsics package: the root pulls in all 247 packages, and what it does to
// intrinsics cannot be trusted. There, Ref returns base64 text inside a string, which stays in the template when joined
// to other text or when used as a key, and turns a user's own base64 text into an intrinsic; a plain {"Ref": "X"} map is
// evaluated while rendering, to a parameter's default, to null, or to the account 123456789012; and every number passes
// through a float. Resources are Go maps, so a second one with the same id silently replaces the first.
//
// Here an intrinsic is a string between two NUL characters (Ref, Att, Sub, SubVars, the pseudo parameters), and it fits
// wherever the structs have a string. No text without NUL can be taken for one, and a NUL anywhere else is refused;
// text that comes from outside, and may hold anything, goes through Text. Structs are read by reflection, not through
// their MarshalJSON: names and omitempty are the same, but integers stay exact and invalid UTF-8 is seen, not replaced.
//
// goformation still shows through in three places, and Render refuses what comes of it. A required field that was
// forgotten is "" or null (a required number is 0, which only a linter can tell from a wish). A tag with an empty value
// loses the value. A struct without any field, such as codebuild.Project_FilterGroup, can say nothing: Extended states
// that part, and whatever else is newer than the frozen structs or needs an intrinsic in place of a number or a list.
//
// Template conditions, mappings, exports and raw intrinsic maps are left out on purpose: what varies is decided in Go
// when generating.
package cfn
