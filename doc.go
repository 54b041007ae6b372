// Package fairlead holds the nouns of Fairlead, in the order data walks
// through them:
//
//	Event -> Plan -> Run -> Evidence -> Decision -> Deployment -> Verdict -> Record
//
// An [Event] says that something happened. The pipeline room turns it into a
// [Plan]: a DAG of tasks, the gates and the release. The flow room executes
// the plan as a [Run]; every task leaves [Evidence]. The gate room turns
// evidence and results into a [Decision]; an allowed release becomes a
// [Deployment] on a target; the judge gives a [Verdict] at every stage; and
// everything that happened is a [Record].
//
// [Artifact], [Finding] and [Problem] are the small shared nouns. This package
// imports nothing but the standard library, and every room imports it.
package fairlead
