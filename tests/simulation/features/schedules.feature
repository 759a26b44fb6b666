Feature: Schedules
  A workflow can be started by time or by events that need memory: `every` period, by `cron`, some time `after` its
  own last end, and `on` several events together. Each fire time and each group of events starts one execution.

  Scenario: Every period, first when one is over
    Given it is "2026-03-10T09:00:00Z"
    And the workflow "report":
      """
      schedule: {every: {hours: 6}}
      do:
        - send: {call: 'send:1.0.0', with: {}}
      """
    When it is "2026-03-11T08:59:59Z"
    Then "report" was started at "2026-03-10T15:00:00Z", "2026-03-10T21:00:00Z" and "2026-03-11T03:00:00Z"
    And the action "send:1.0.0" was called 3 times

  Scenario Outline: By cron, in a zone
    Given it is "<from>"
    And the workflow "report":
      """
      document: {metadata: {tidemill: {timezone: <zone>}}}
      schedule: {cron: '<cron>'}
      do:
        - note: {set: {sent: true}}
      """
    When it is "<to>"
    Then "report" was started at <starts>

    Examples: Plain days
      | cron         | zone          | from                 | to                   | starts                                               |
      | 0 8 * * *    | UTC           | 2026-03-10T09:00:00Z | 2026-03-12T09:00:00Z | "2026-03-11T08:00:00Z" and "2026-03-12T08:00:00Z"    |
      | 0 8 * * *    | Europe/Berlin | 2026-03-10T09:00:00Z | 2026-03-12T09:00:00Z | "2026-03-11T07:00:00Z" and "2026-03-12T07:00:00Z"    |
      | 30 9 * * 1-5 | UTC           | 2026-03-06T12:00:00Z | 2026-03-10T09:00:00Z | "2026-03-09T09:30:00Z"                               |

    Examples: Days on which clocks change
      | cron         | zone             | from                 | to                   | starts                                                                       |
      | 30 2 * * *   | Europe/Berlin    | 2026-03-28T12:00:00Z | 2026-03-30T12:00:00Z | "2026-03-29T01:00:00Z" and "2026-03-30T00:30:00Z"                            |
      | */20 2 * * * | Europe/Berlin    | 2026-03-28T12:00:00Z | 2026-03-29T12:00:00Z | "2026-03-29T01:00:00Z"                                                       |
      | 30 2 * * *   | Europe/Berlin    | 2026-10-24T12:00:00Z | 2026-10-26T12:00:00Z | "2026-10-25T00:30:00Z" and "2026-10-26T01:30:00Z"                            |
      | 0 * * * *    | America/New_York | 2026-11-01T04:30:00Z | 2026-11-01T07:30:00Z | "2026-11-01T05:00:00Z" and "2026-11-01T07:00:00Z"                            |
      | 30 1 * * *   | America/New_York | 2026-11-01T06:15:00Z | 2026-11-02T12:00:00Z | "2026-11-02T06:30:00Z"                                                       |
      | 0 8 * * *    | Europe/Berlin    | 2026-03-27T12:00:00Z | 2026-03-30T12:00:00Z | "2026-03-28T07:00:00Z", "2026-03-29T06:00:00Z" and "2026-03-30T06:00:00Z"    |

  Scenario: Some time after its own end
    Given it is "2026-03-10T09:00:00Z"
    And the workflow "sync":
      """
      schedule: {after: {hours: 1}}
      do:
        - work: {wait: {minutes: 20}}
      """
    When it is "2026-03-10T12:00:00Z"
    Then "sync" was started at "2026-03-10T09:00:00Z", "2026-03-10T10:20:00Z" and "2026-03-10T11:40:00Z"

  Scenario: After an end that was a fault, too
    Given it is "2026-03-10T09:00:00Z"
    And the action "broken:1.0.0" fails with status 500
    And the workflow "sync":
      """
      schedule: {after: {hours: 1}}
      do:
        - work: {call: 'broken:1.0.0', with: {}}
      """
    When it is "2026-03-10T10:30:00Z"
    Then "sync" was started at "2026-03-10T09:00:00Z" and "2026-03-10T10:00:00Z"

  Scenario Outline: On one event, or on any of several
    Given the workflow "greet":
      """
      schedule:
        on: <on>
      do:
        - note: {set: {heard: '${ . }'}}
      """
    When the event "com.shop.joined" about "ada" comes with: {n: 1}
    And the event "com.shop.back" about "bob" comes with: {n: 2}
    And the event "com.shop.left" about "cyd" comes with: {n: 3}
    Then the executions of "greet" have completed with: <outputs>

    Examples:
      | on                                                                  | outputs                                |
      | {one: {with: {type: com.shop.joined}}}                              | [{heard: [{n: 1}]}]                    |
      | {any: [{with: {type: com.shop.joined}}, {with: {type: com.shop.back}}]} | [{heard: [{n: 1}]}, {heard: [{n: 2}]}] |

  Scenario: On an event that comes twice
    Given the workflow "greet":
      """
      schedule: {on: {one: {with: {type: com.shop.joined}}}}
      do:
        - note: {set: {heard: '${ . }'}}
      """
    When the event "com.shop.joined" with the id "j1" about "ada" comes with: {n: 1}
    And the engine dies and starts again
    And the event "com.shop.joined" with the id "j1" about "ada" comes again with: {n: 1}
    Then "greet" was started once
    When the event "com.shop.joined" with the id "j2" about "ada" comes with: {n: 1}
    Then "greet" was started twice

  Scenario: On all of several events, whoever they are about, again and again
    Given the workflow "match":
      """
      schedule:
        on:
          all:
            - with: {type: com.shop.offer}
            - with: {type: com.shop.request}
      do:
        - note: {set: {heard: '${ . }'}}
      """
    When the event "com.shop.offer" about "ada" comes with: {n: 1}
    Then "match" was never started
    When the event "com.shop.request" about "bob" comes with: {n: 2}
    Then the execution of "match" for "ada" has completed with: {heard: [{n: 1}, {n: 2}]}
    When the event "com.shop.request" about "cyd" comes with: {n: 3}
    And the event "com.shop.offer" about "dan" comes with: {n: 4}
    Then the execution of "match" for "cyd" has completed with: {heard: [{n: 3}, {n: 4}]}

  Scenario: On events that belong together
    Given the workflow "match":
      """
      schedule:
        on:
          all:
            - with: {type: com.shop.paid}
              correlate: {order: {from: .data.order}}
            - with: {type: com.shop.packed}
              correlate: {order: {from: .data.order}}
      do:
        - note: {set: {heard: '${ map(.order) }'}}
      """
    When the event "com.shop.paid" comes with: {order: 1}
    And the event "com.shop.packed" comes with: {order: 2}
    Then "match" was never started
    When the event "com.shop.packed" comes with: {order: 1}
    Then the executions of "match" have completed with: [{heard: [1, 1]}]

  Scenario: On any events until another one comes
    Given the workflow "digest":
      """
      schedule:
        on:
          any:
            - with: {type: com.shop.ordered}
          until:
            one: {with: {type: com.shop.closed}}
      do:
        - note: {set: {orders: '${ map(.n) }'}}
      """
    When the event "com.shop.ordered" about "ada" comes with: {n: 1}
    And the event "com.shop.ordered" about "bob" comes with: {n: 2}
    And the event "com.shop.closed" comes
    And the event "com.shop.ordered" about "cyd" comes with: {n: 3}
    Then the executions of "digest" have completed with: [{orders: [1, 2]}]
    When the event "com.shop.closed" comes
    Then the executions of "digest" have completed with: [{orders: [1, 2]}, {orders: [3]}]

  Scenario Outline: Fire times that nobody was there for
    Given it is "2026-03-10T07:30:00Z"
    And the workflow "report":
      """
      document: {metadata: {tidemill: {missedFires: <policy>}}}
      schedule: {cron: '0 * * * *'}
      do:
        - send: {call: 'send:1.0.0', with: {}}
      """
    When the engine is down from "2026-03-10T07:40:00Z" to "<back>"
    Then "report" was <starts>
    When it is "2026-03-10T12:00:00Z"
    Then "report" was <starts by noon>

    Examples:
      | policy   | back                 | starts          | starts by noon  | because                           |
      | skip     | 2026-03-10T11:20:00Z | never started   | started once    | the newest is twenty minutes late |
      | skip     | 2026-03-10T11:00:20Z | started once    | started twice   | the newest is on time             |
      | one      | 2026-03-10T11:20:00Z | started once    | started twice   | the newest of four                |
      | {all: 2} | 2026-03-10T11:20:00Z | started twice   | started 3 times | the two newest of four            |
      | {all: 9} | 2026-03-10T11:20:00Z | started 4 times | started 5 times | all four                          |

  Scenario: A period that was missed does not move those after it
    Given it is "2026-03-10T09:00:00Z"
    And the workflow "report":
      """
      schedule: {every: {hours: 1}}
      do:
        - note: {set: {sent: true}}
      """
    When the engine is down from "2026-03-10T10:30:00Z" to "2026-03-10T12:20:00Z"
    And it is "2026-03-10T13:30:00Z"
    Then "report" was started at "2026-03-10T10:00:00Z", "2026-03-10T12:20:00Z" and "2026-03-10T13:00:00Z"

  Scenario: A new version has its own schedule, and the old one's ends
    Given it is "2026-03-10T07:30:00Z"
    And version 1.0.0 of the workflow "report":
      """
      schedule: {cron: '0 * * * *'}
      do:
        - send: {call: 'send:1.0.0', with: {by: one}}
      """
    When it is "2026-03-10T08:30:00Z"
    And version 2.0.0 of the workflow "report" is published:
      """
      schedule: {cron: '15 * * * *'}
      do:
        - send: {call: 'send:1.0.0', with: {by: two}}
      """
    And it is "2026-03-10T10:30:00Z"
    Then "report" was started at "2026-03-10T08:00:00Z", "2026-03-10T09:15:00Z" and "2026-03-10T10:15:00Z"
    And the action "send:1.0.0" was called in this order with: [{by: one}, {by: two}, {by: two}]

  Scenario: A new version without a schedule ends that of the old one
    Given it is "2026-03-10T07:30:00Z"
    And version 1.0.0 of the workflow "report":
      """
      schedule: {cron: '0 * * * *'}
      do:
        - note: {set: {by: one}}
      """
    When it is "2026-03-10T08:30:00Z"
    And version 2.0.0 of the workflow "report" is published:
      """
      do:
        - note: {set: {by: two}}
      """
    And it is "2026-03-10T12:30:00Z"
    Then "report" was started at "2026-03-10T08:00:00Z"

  Scenario Outline: What a schedule has started goes on when a new version comes
    Given it is "2026-03-10T07:30:00Z"
    And version 1.0.0 of the workflow "report":
      """
      schedule: <schedule>
      do:
        - rest: {wait: {hours: 1}}
        - note: {set: {by: one}}
      """
    When it is "<meanwhile>"
    Then the execution of "report" is waiting
    When version 2.0.0 of the workflow "report" is published:
      """
      do:
        - note: {set: {by: two}}
      """
    And it is "2026-03-10T12:00:00Z"
    Then the execution of "report" has completed with: {by: one}

    Examples:
      | schedule            | meanwhile            |
      | {cron: '0 * * * *'} | 2026-03-10T08:30:00Z |
      | {after: {hours: 1}} | 2026-03-10T08:00:00Z |

  Scenario: An older version that is published late changes nothing
    Given it is "2026-03-10T07:30:00Z"
    And version 2.0.0 of the workflow "report":
      """
      schedule: {cron: '0 * * * *'}
      do:
        - note: {set: {by: two}}
      """
    And version 1.0.0 of the workflow "report":
      """
      schedule: {cron: '15 * * * *'}
      do:
        - note: {set: {by: one}}
      """
    When it is "2026-03-10T09:30:00Z"
    Then "report" was started in the versions 2.0.0, 2.0.0

  Scenario: One execution a fire time, whenever the engine dies
    Given it is "2026-03-10T07:30:00Z"
    And the workflow "report":
      """
      schedule: {cron: '0 * * * *'}
      do:
        - send: {call: 'send:1.0.0', with: {}}
      """
    When it is "2026-03-10T08:00:00Z"
    And the engine dies and starts again
    And it is "2026-03-10T08:59:59Z"
    And the engine is down for 1 second
    And the engine dies and starts again
    Then "report" was started at "2026-03-10T08:00:00Z" and "2026-03-10T09:00:00Z"
    And the action "send:1.0.0" was called twice
